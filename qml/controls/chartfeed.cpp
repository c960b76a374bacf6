// SPDX-License-Identifier: GPL-3.0-or-later
#include "qml/controls/chartfeed.h"

#include <QtCharts/QAbstractBarSeries>
#include <QtCharts/QBarSet>
#include <QtCharts/QXYSeries>

#include <QColor>
#include <QPen>
#include <QVariantMap>

namespace tidegate {

void ChartFeed::setStacks(QObject *series, const QVariantList &stacks, const QVariantList &colors)
{
    auto *bars = qobject_cast<QAbstractBarSeries *>(series);
    if (bars == nullptr || colors.isEmpty()) {
        return;
    }
    QList<QBarSet *> sets;
    for (const QVariant &value : stacks) {
        const QVariantMap stack = value.toMap();
        auto *set = new QBarSet(stack.value(QStringLiteral("name")).toString());
        const QVariantList values = stack.value(QStringLiteral("values")).toList();
        QList<qreal> heights;
        heights.reserve(values.size());
        for (const QVariant &height : values) {
            heights << height.toDouble();
        }
        set->append(heights);
        set->setBrush(colors[stack.value(QStringLiteral("colorIndex")).toInt() % int(colors.size())]
                          .value<QColor>());
        set->setPen(Qt::NoPen);
        sets << set;
    }
    bars->clear();
    bars->append(sets);
}

void ChartFeed::setLine(QObject *series, const QList<double> &values)
{
    auto *line = qobject_cast<QXYSeries *>(series);
    if (line == nullptr) {
        return;
    }
    QList<QPointF> points;
    points.reserve(values.size());
    for (qsizetype i = 0; i < values.size(); ++i) {
        if (values[i] >= 0) {
            points << QPointF(double(i), values[i]);
        }
    }
    line->replace(points);
}

} // namespace tidegate
