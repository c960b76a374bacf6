// SPDX-License-Identifier: GPL-3.0-or-later
#include "qml/controls/sparkline.h"

#include <QPainter>
#include <QPainterPath>

#include <algorithm>

namespace tidegate {

namespace {

constexpr double kStroke = 1.5;
constexpr double kDot = 2.5;

} // namespace

Sparkline::Sparkline(QQuickItem *parent)
    : QQuickPaintedItem(parent)
{
    setAntialiasing(true);
}

void Sparkline::paint(QPainter *painter)
{
    painter->setRenderHint(QPainter::Antialiasing);
    painter->fillRect(QRectF(0, height() - 1, width(), 1), m_baseColor);
    const auto largest = std::max_element(m_values.cbegin(), m_values.cend());
    if (largest == m_values.cend() || *largest < 0) {
        return;
    }
    const double top = m_ceiling > 0 ? m_ceiling : std::max(*largest * 1.15, 1e-9);
    if (m_bars) {
        paintBars(*painter, top);
    } else {
        paintLine(*painter, top);
    }
}

void Sparkline::paintBars(QPainter &painter, double top) const
{
    const double step = width() / double(m_values.size());
    for (qsizetype i = 0; i < m_values.size(); ++i) {
        if (m_values[i] <= 0) {
            continue;
        }
        // Never so small that a failure cannot be seen.
        const double tall = std::max(3.0, (height() - 1) * std::min(m_values[i] / top, 1.0));
        painter.fillRect(QRectF(double(i) * step, height() - tall, std::max(step - 1, 1.5), tall),
                         m_color);
    }
}

void Sparkline::paintLine(QPainter &painter, double top) const
{
    const double step = (width() - 2 * kDot) / double(std::max<qsizetype>(1, m_values.size() - 1));
    const double room = height() - 1 - 2 * kDot;
    QPainterPath line;
    QPointF last;
    bool drawn = false;
    // A gap of a few slices is joined: there is no news in a backend that was not asked.
    for (qsizetype i = 0; i < m_values.size(); ++i) {
        if (m_values[i] < 0) {
            continue;
        }
        last = {kDot + double(i) * step, kDot + room * (1 - std::min(m_values[i] / top, 1.0))};
        if (drawn) {
            line.lineTo(last);
        } else {
            line.moveTo(last);
        }
        drawn = true;
    }
    QPainterPath area = line;
    area.lineTo(last.x(), height() - 1);
    area.lineTo(line.elementAt(0).x, height() - 1);
    QColor tint = m_color;
    tint.setAlphaF(0.12F);
    painter.fillPath(area, tint);
    painter.setPen(QPen(m_color, kStroke, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
    painter.drawPath(line);
    painter.setPen(Qt::NoPen);
    painter.setBrush(m_color);
    painter.drawEllipse(last, kDot, kDot);
}

} // namespace tidegate
