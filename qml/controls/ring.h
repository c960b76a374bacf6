// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>
#include <QQuickPaintedItem>
#include <QtQml/qqmlregistration.h>

namespace tidegate {

/// A circle of which a part is filled: time that is left, or steps that are done.
///
/// GUI thread, owned by its QML parent.
class Ring : public QQuickPaintedItem
{
    Q_OBJECT
    QML_ELEMENT
    /// The filled part, 0…1, clockwise from the top.
    Q_PROPERTY(double value READ value WRITE setValue NOTIFY changed FINAL)
    /// Into how many pieces it is cut; below 2: none.
    Q_PROPERTY(int steps READ steps WRITE setSteps NOTIFY changed FINAL)
    Q_PROPERTY(QColor color READ color WRITE setColor NOTIFY changed FINAL)
    Q_PROPERTY(QColor trackColor READ trackColor WRITE setTrackColor NOTIFY changed FINAL)
    Q_PROPERTY(double thickness READ thickness WRITE setThickness NOTIFY changed FINAL)

public:
    explicit Ring(QQuickItem *parent = nullptr);

    [[nodiscard]] double value() const { return m_value; }
    void setValue(double value) { set(m_value, value); }
    [[nodiscard]] int steps() const { return m_steps; }
    void setSteps(int steps) { set(m_steps, steps); }
    [[nodiscard]] QColor color() const { return m_color; }
    void setColor(const QColor &color) { set(m_color, color); }
    [[nodiscard]] QColor trackColor() const { return m_trackColor; }
    void setTrackColor(const QColor &color) { set(m_trackColor, color); }
    [[nodiscard]] double thickness() const { return m_thickness; }
    void setThickness(double thickness) { set(m_thickness, thickness); }

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

    double m_value = 0;
    int m_steps = 0;
    QColor m_color = Qt::black;
    QColor m_trackColor = Qt::gray;
    double m_thickness = 3;
};

} // namespace tidegate
