// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/config/configsource.h"

#include "gateway/config/configvalidator.h"
#include "gateway/config/variables.h"

#include <QJsonArray>
#include <QJsonObject>

using namespace Qt::StringLiterals;

namespace tidegate {

const QString kHiddenSecret = u"********"_s;

QString sourceOfSecret(const ConfigNode &node)
{
    static const QString kBearer = u"Bearer "_s;
    const QString &raw = node.raw;
    const QString token = raw.startsWith(kBearer) ? raw.mid(kBearer.size()) : raw;
    const bool reference =
        isVariableReference(token) || raw.startsWith(u"keychain:"_s) || raw.startsWith(u"file:"_s);
    return reference ? raw : kHiddenSecret;
}

QJsonValue sourceOf(const ConfigNode &node, const SchemaField &schema)
{
    using Kind = SchemaField::Kind;
    const bool isMap = schema.kind == Kind::Section || schema.kind == Kind::Named;
    if (schema.kind == Kind::List && node.kind == ConfigNode::Kind::List) {
        QJsonArray array;
        for (const ConfigNode &item : node.items) {
            array.append(sourceOf(item, schema.children.front()));
        }
        return array;
    }
    if (isMap && node.kind == ConfigNode::Kind::Map) {
        QJsonObject object;
        for (const ConfigNode &item : node.items) {
            const SchemaField *field =
                schema.kind == Kind::Named ? &schema.children.front() : schema.child(item.key);
            if (!field) {
                continue;
            }
            const bool hide = field->kind == Kind::HeaderValue
                                  ? isSecretHeader(item.key)
                                  : field->kind == Kind::Secret &&
                                        (item.key != u"proxy"_s || item.raw.contains(u'@'));
            const bool shownProxy = field->kind == Kind::Secret && !hide;
            object.insert(item.key, hide         ? QJsonValue(sourceOfSecret(item))
                                    : shownProxy ? QJsonValue(item.raw)
                                                 : sourceOf(item, *field));
        }
        return object;
    }
    switch (schema.kind) {
    case Kind::Secret:
        return sourceOfSecret(node);
    case Kind::Integer:
    case Kind::Decimal:
    case Kind::Boolean:
    case Kind::Milliseconds:
    case Kind::Seconds:
        return node.raw == node.text ? QJsonValue::fromVariant(node.value) : QJsonValue(node.raw);
    default:
        return node.raw;
    }
}

} // namespace tidegate
