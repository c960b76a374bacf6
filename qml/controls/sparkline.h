// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>
#include <QList>
#include <QQuickPaintedItem>
#include <QtQml/qqmlregistration.h>

namespace tidegate {

/// A small line or row of bars without axes: how a number went lately.
///
/// GUI thread, owned by its QML parent. Drawn once for each change; a chart of Qt Charts in every
/// row would cost a hundred times as much.
class Sparkline : public QQuickPaintedItem
{
    Q_OBJECT
    QML_ELEMENT
    /// Oldest first, evenly spread over the width; a negative one is a gap.
    Q_PROPERTY(QList<double> values READ values WRITE setValues NOTIFY changed FINAL)
    Q_PROPERTY(QColor color READ color WRITE setColor NOTIFY changed FINAL)
    /// Of the line at the bottom.
    Q_PROPERTY(QColor baseColor READ baseColor WRITE setBaseColor NOTIFY changed FINAL)
    Q_PROPERTY(bool bars READ hasBars WRITE setBars NOTIFY changed FINAL)
    /// The value at the top; 0: the largest of them.
    Q_PROPERTY(double ceiling READ ceiling WRITE setCeiling NOTIFY changed FINAL)

public:
    explicit Sparkline(QQuickItem *parent = nullptr);

    [[nodiscard]] QList<double> values() const { return m_values; }
    void setValues(const QList<double> &values) { set(m_values, values); }
    [[nodiscard]] QColor color() const { return m_color; }
    void setColor(const QColor &color) { set(m_color, color); }
    [[nodiscard]] QColor baseColor() const { return m_baseColor; }
    void setBaseColor(const QColor &color) { set(m_baseColor, color); }
    [[nodiscard]] bool hasBars() const { return m_bars; }
    void setBars(bool bars) { set(m_bars, bars); }
    [[nodiscard]] double ceiling() const { return m_ceiling; }
    void setCeiling(double ceiling) { set(m_ceiling, ceiling); }

    void paint(QPainter *painter) override;

Q_SIGNALS:
    void changed();

private:
    template <typename T>
    void set(T &member, const T &value)
    {
        if (member != value) {
            member = value;
            Q_EMIT changed();
            update();
        }
    }
    void paintBars(QPainter &painter, double top) const;
    void paintLine(QPainter &painter, double top) const;

    QList<double> m_values;
    QColor m_color = Qt::black;
    QColor m_baseColor = Qt::gray;
    bool m_bars = false;
    double m_ceiling = 0;
};

} // namespace tidegate
