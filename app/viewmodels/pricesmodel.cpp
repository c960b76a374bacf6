// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/pricesmodel.h"

#include "app/viewmodels/gatewaylink.h"
#include "app/viewmodels/humantext.h"
#include "app/viewmodels/policyform.h"

#include <QLocale>
#include <QPointer>

#include <algorithm>
#include <utility>

namespace tidegate {

namespace {

QString price(const PriceEntry &entry, const char *field)
{
    const QVariantMap form = policyform::priceFromConfig(entry.config);
    const QString typed = form.value(QLatin1String(field)).toString();
    const std::optional<Money> money = Money::parse(typed.toLatin1());
    return money ? humantext::money(*money) : humantext::none();
}

} // namespace

PricesModel::PricesModel(GatewayLink &link, QObject *parent)
    : QAbstractListModel(parent)
    , m_link(link)
{
    connect(&link, &GatewayLink::pricesChanged, this, &PricesModel::reload);
    connect(&link, &GatewayLink::configChanged, this, &PricesModel::reload);
    reload();
}

int PricesModel::rowCount(const QModelIndex &parent) const
{
    return parent.isValid() ? 0 : int(m_prices.entries.size());
}

QVariant PricesModel::data(const QModelIndex &index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid)) {
        return {};
    }
    const PriceEntry &entry = m_prices.entries[size_t(index.row())];
    switch (role) {
    case PatternRole:
        return entry.pattern;
    case InputRole:
        return price(entry, "input");
    case OutputRole:
        return price(entry, "output");
    case CachedRole:
        return price(entry, "cachedInput");
    case OriginTextRole:
        switch (entry.origin) {
        case Origin::Panel:
            //: Where a price comes from: the user typed it
            return tr("yours");
        case Origin::File:
        case Origin::Environment:
            //: Where a price comes from
            return tr("from file");
        case Origin::Default:
            break;
        }
        //: Where a price comes from: it came with the program
        return tr("shipped");
    case RemovableRole:
        return entry.origin == Origin::Panel;
    case AccessibleTextRole:
    case Qt::AccessibleTextRole:
    case Qt::DisplayRole:
        //: Read aloud: a model and its prices
        return tr("%1: %2 in, %3 out for a million tokens")
            .arg(entry.pattern, price(entry, "input"), price(entry, "output"));
    default:
        return {};
    }
}

QHash<int, QByteArray> PricesModel::roleNames() const
{
    return {
        {PatternRole, "pattern"},
        {InputRole, "inputText"},
        {OutputRole, "outputText"},
        {CachedRole, "cachedText"},
        {OriginTextRole, "originText"},
        {RemovableRole, "removable"},
        {AccessibleTextRole, "accessibleText"},
    };
}

QString PricesModel::dateText() const
{
    if (!m_prices.updated.isValid()) {
        return {};
    }
    //: %1 is a date
    return tr("Prices of %1").arg(QLocale().toString(m_prices.updated, tr("d MMM yyyy")));
}

QVariantMap PricesModel::form(const QString &pattern) const
{
    const PriceEntry *entry = find(pattern);
    QVariantMap form =
        policyform::priceFromConfig(entry != nullptr ? entry->config : QJsonObject());
    form[QStringLiteral("pattern")] = pattern;
    return form;
}

QVariantMap PricesModel::problems(const QVariantMap &form) const
{
    return policyform::priceProblems(form);
}

void PricesModel::save(const QVariantMap &form)
{
    if (!policyform::priceProblems(form).isEmpty()) {
        return;
    }
    const QString pattern = form.value(QStringLiteral("pattern")).toString().trimmed();
    const PriceEntry *entry = find(pattern);
    m_busy = true;
    Q_EMIT busyChanged();
    m_link.savePrice(
        pattern, policyform::priceToConfig(form, entry != nullptr ? entry->config : QJsonObject()),
        [self = QPointer(this)](const Result<Done> &result) {
            if (self) {
                self->finish(result ? QString() : result.error());
            }
        });
}

void PricesModel::remove(const QString &pattern)
{
    m_busy = true;
    Q_EMIT busyChanged();
    m_link.removePrice(pattern, [self = QPointer(this)](const Result<Done> &result) {
        if (self) {
            self->finish(result ? QString() : result.error());
        }
    });
}

const PriceEntry *PricesModel::find(const QString &pattern) const
{
    const auto entry =
        std::find_if(m_prices.entries.cbegin(), m_prices.entries.cend(),
                     [&](const PriceEntry &other) { return other.pattern == pattern; });
    return entry == m_prices.entries.cend() ? nullptr : &*entry;
}

void PricesModel::reload()
{
    beginResetModel();
    m_prices = m_link.prices();
    endResetModel();
    Q_EMIT countChanged();
}

void PricesModel::finish(const QString &error)
{
    m_busy = false;
    Q_EMIT busyChanged();
    if (error.isEmpty()) {
        Q_EMIT saved();
    } else {
        Q_EMIT failed(error);
    }
}

} // namespace tidegate
