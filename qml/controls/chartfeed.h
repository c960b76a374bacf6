// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QList>
#include <QObject>
#include <QVariantList>
#include <QtQml/qqmlregistration.h>

namespace tidegate {

/// Puts values into series of Qt Charts in one go: value by value each would lay the chart out
/// anew.
///
/// GUI thread; made by the QML engine.
class ChartFeed : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    QML_SINGLETON

public:
    using QObject::QObject;

    /// Replaces the bars of @p series, a StackedBarSeries. @p stacks: maps with name, colorIndex
    /// (into @p colors) and values.
    Q_INVOKABLE static void setStacks(QObject *series, const QVariantList &stacks,
                                      const QVariantList &colors);
    /// Replaces the points of @p series, a LineSeries; the x of a value is its index. Negative
    /// values are left out.
    Q_INVOKABLE static void setLine(QObject *series, const QList<double> &values);
};

} // namespace tidegate
