// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/managed/outputring.h"

#include "gateway/observe/redaction.h"

#include <algorithm>

namespace tidegate {

void OutputRing::append(const QByteArray &piece,
                        const std::function<bool(const QByteArray &)> &take)
{
    qsizetype from = 0;
    for (qsizetype end = piece.indexOf('\n'); end >= 0; end = piece.indexOf('\n', from)) {
        m_open.append(piece.constData() + from, end - from);
        addLine(m_open, take);
        m_open.clear();
        from = end + 1;
    }
    // Of a line without an end no more is kept than could be shown.
    const qsizetype room = kLineBytes - m_open.size();
    m_open.append(piece.constData() + from, std::min(room, piece.size() - from));
}

void OutputRing::finishLine()
{
    if (!m_open.isEmpty()) {
        addLine(m_open, {});
        m_open.clear();
    }
}

void OutputRing::clear()
{
    m_lines.clear();
    m_open.clear();
}

void OutputRing::addLine(const QByteArray &line,
                         const std::function<bool(const QByteArray &)> &take)
{
    QByteArray clean = redacted(line).left(kLineBytes);
    // Terminals' colours and cursors are of no use here.
    clean.erase(
        std::remove_if(clean.begin(), clean.end(),
                       [](char c) { return (c >= 0 && c < 0x20 && c != '\t') || c == 0x7f; }),
        clean.end());
    if (take && !take(clean)) {
        return;
    }
    m_lines.push_back(std::move(clean));
    if (m_lines.size() > kLines) {
        m_lines.pop_front();
    }
}

QStringList OutputRing::lines() const
{
    QStringList lines;
    for (const QByteArray &line : m_lines) {
        lines.append(QString::fromUtf8(line));
    }
    return lines;
}

QString OutputRing::lastLine() const
{
    const auto last = std::find_if(m_lines.rbegin(), m_lines.rend(), [](const QByteArray &line) {
        return !line.trimmed().isEmpty();
    });
    return last == m_lines.rend() ? QString() : QString::fromUtf8(last->trimmed());
}

} // namespace tidegate
