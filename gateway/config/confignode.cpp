// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/config/confignode.h"

#include <QJsonArray>
#include <QLocale>

#include <algorithm>
#include <cmath>

using namespace Qt::StringLiterals;

namespace tidegate {

namespace {

/// Doubles hold every integer up to here, and JSON numbers are doubles.
constexpr double kLargestExactInteger = 9007199254740992.0;

QString numberText(double number)
{
    if (std::abs(number) <= kLargestExactInteger && number == std::floor(number)) {
        return QString::number(qint64(number));
    }
    // Never with an exponent, so that 0.1 and 1e-9 are read as decimals.
    return QString::number(number, 'f', QLocale::FloatingPointShortest);
}

} // namespace

const ConfigNode *ConfigNode::find(QStringView name) const
{
    const auto it = std::find_if(items.cbegin(), items.cend(),
                                 [name](const ConfigNode &item) { return item.key == name; });
    return it == items.cend() ? nullptr : &*it;
}

qint64 ConfigNode::integer(QStringView name, qint64 fallback) const
{
    const ConfigNode *node = find(name);
    return node && node->value.isValid() ? node->value.toLongLong() : fallback;
}

bool ConfigNode::boolean(QStringView name, bool fallback) const
{
    const ConfigNode *node = find(name);
    return node && node->value.isValid() ? node->value.toBool() : fallback;
}

QString ConfigNode::string(QStringView name, const QString &fallback) const
{
    const ConfigNode *node = find(name);
    return node && node->value.isValid() ? node->value.toString() : fallback;
}

QJsonValue ConfigNode::toJson() const
{
    switch (kind) {
    case Kind::Null:
        return QJsonValue::Null;
    case Kind::Scalar:
        return QJsonValue::fromVariant(value);
    case Kind::List: {
        QJsonArray array;
        for (const ConfigNode &item : items) {
            array.append(item.toJson());
        }
        return array;
    }
    case Kind::Map: {
        QJsonObject object;
        for (const ConfigNode &item : items) {
            object.insert(item.key, item.toJson());
        }
        return object;
    }
    }
    return {};
}

ConfigNode ConfigNode::fromJson(const QJsonValue &json)
{
    ConfigNode node;
    switch (json.type()) {
    case QJsonValue::Null:
    case QJsonValue::Undefined:
        break;
    case QJsonValue::Bool:
        node.kind = Kind::Scalar;
        node.raw = json.toBool() ? u"true"_s : u"false"_s;
        break;
    case QJsonValue::Double:
        node.kind = Kind::Scalar;
        node.raw = numberText(json.toDouble());
        break;
    case QJsonValue::String:
        node.kind = Kind::Scalar;
        node.raw = json.toString();
        break;
    case QJsonValue::Array:
        node.kind = Kind::List;
        for (const QJsonValue item : json.toArray()) {
            node.items.push_back(fromJson(item));
        }
        break;
    case QJsonValue::Object: {
        node.kind = Kind::Map;
        const QJsonObject object = json.toObject();
        for (auto it = object.constBegin(); it != object.constEnd(); ++it) {
            ConfigNode child = fromJson(it.value());
            child.key = it.key();
            node.items.push_back(std::move(child));
        }
        break;
    }
    }
    return node;
}

} // namespace tidegate
