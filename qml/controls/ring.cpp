// SPDX-License-Identifier: GPL-3.0-or-later
#include "qml/controls/ring.h"

#include <QPainter>

#include <algorithm>

namespace tidegate {

namespace {

// QPainter counts in sixteenths of a degree, against the clock from three o'clock.
constexpr double kUnits = 16;
constexpr double kTop = 90;
constexpr double kGap = 14;

} // namespace

Ring::Ring(QQuickItem *parent)
    : QQuickPaintedItem(parent)
{
    setAntialiasing(true);
}

void Ring::paint(QPainter *painter)
{
    painter->setRenderHint(QPainter::Antialiasing);
    const double inset = m_thickness / 2 + 0.5;
    const QRectF circle = QRectF(0, 0, width(), height()).adjusted(inset, inset, -inset, -inset);
    const auto arc = [&](const QColor &color, double fromDegrees, double spanDegrees) {
        painter->setPen(QPen(color, m_thickness, Qt::SolidLine, Qt::FlatCap));
        painter->drawArc(circle, int((kTop - fromDegrees) * kUnits), int(-spanDegrees * kUnits));
    };
    const double filled = std::clamp(m_value, 0.0, 1.0);
    if (m_steps < 2) {
        arc(m_trackColor, 0, 360);
        arc(m_color, 0, 360 * filled);
        return;
    }
    const double piece = 360.0 / m_steps;
    for (int i = 0; i < m_steps; ++i) {
        const bool done = filled * m_steps >= double(i + 1) - 1e-6;
        arc(done ? m_color : m_trackColor, i * piece + kGap / 2, piece - kGap);
    }
}

} // namespace tidegate
