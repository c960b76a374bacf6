// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QString>
#include <QStringList>

#include <deque>
#include <functional>

namespace tidegate {

/// The last lines that a command said, with secrets taken out.
///
/// Lives in the main thread, owned by a ManagedBackend. Bounded in lines and in bytes of a line.
class OutputRing
{
public:
    static constexpr size_t kLines = 200;
    static constexpr qsizetype kLineBytes = 1000;

    /// @p take gets each whole line as it comes, without its end and masked; it may say false to
    /// keep the line out of the ring.
    void append(const QByteArray &piece, const std::function<bool(const QByteArray &)> &take = {});
    /// The output has ended: what has no line end is a line all the same.
    void finishLine();
    void clear();

    [[nodiscard]] QStringList lines() const;
    /// The last one that is not empty, for an error message.
    [[nodiscard]] QString lastLine() const;

private:
    void addLine(const QByteArray &line, const std::function<bool(const QByteArray &)> &take);

    std::deque<QByteArray> m_lines;
    QByteArray m_open; ///< of the line that has not ended
};

} // namespace tidegate
