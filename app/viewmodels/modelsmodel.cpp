// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/modelsmodel.h"

#include "app/viewmodels/gatewaylink.h"
#include "app/viewmodels/humantext.h"
#include "app/viewmodels/modelform.h"
#include "app/viewmodels/routetext.h"

#include <QJsonArray>
#include <QLocale>
#include <QPointer>

#include <algorithm>
#include <array>
#include <utility>

namespace tidegate {

namespace {

constexpr std::array kStrategies = {RoutingStrategy::Priority, RoutingStrategy::Weighted,
                                    RoutingStrategy::LeastLatency, RoutingStrategy::LeastBusy,
                                    RoutingStrategy::Cheapest};

bool isReadOnly(const ModelConfig &model)
{
    return model.origin == Origin::File || model.origin == Origin::Environment;
}

bool isPattern(const QByteArray &name)
{
    return name.contains('*') || name.contains('?');
}

QString joined(const QByteArrayList &names)
{
    return QString::fromUtf8(names.join(", "));
}

} // namespace

ModelsModel::ModelsModel(GatewayLink &link, QObject *parent)
    : QAbstractListModel(parent)
    , m_link(link)
{
    connect(&link, &GatewayLink::configChanged, this, &ModelsModel::reload);
    reload();
}

int ModelsModel::rowCount(const QModelIndex &parent) const
{
    return parent.isValid() || !m_config ? 0 : int(m_config->models.size());
}

QVariantList ModelsModel::targets(const ModelConfig &model) const
{
    int sum = 0;
    for (const ModelTarget &target : model.targets) {
        sum += target.weight;
    }
    QVariantList list;
    for (const ModelTarget &target : model.targets) {
        const bool known = std::any_of(
            m_config->backends.cbegin(), m_config->backends.cend(),
            [&target](const BackendConfig &backend) { return backend.name == target.backend; });
        QString share;
        if (model.strategy == RoutingStrategy::Weighted && sum > 0) {
            //: A share in percent
            share = tr("%1 %").arg(QLocale().toString(100.0 * target.weight / sum, 'f', 0));
        } else if (target.weight != 1) {
            //: A weight
            share = tr("× %1").arg(QLocale().toString(target.weight));
        }
        list << QVariantMap{{QStringLiteral("backend"), QString::fromUtf8(target.backend)},
                            {QStringLiteral("model"), QString::fromUtf8(target.model)},
                            {QStringLiteral("weight"), target.weight},
                            {QStringLiteral("shareText"), share},
                            {QStringLiteral("known"), known}};
    }
    return list;
}

QVariantList ModelsModel::notes(const ModelConfig &model)
{
    QVariantList list;
    const auto add = [&list](const char *icon, const QString &label, const QString &value) {
        list << QVariantMap{{QStringLiteral("icon"), QString::fromLatin1(icon)},
                            {QStringLiteral("label"), label},
                            {QStringLiteral("value"), value}};
    };
    if (!model.aliases.empty()) {
        QByteArrayList names;
        for (const Glob &alias : model.aliases) {
            names << alias.pattern();
        }
        add("layers", tr("Also called"), joined(names));
    }
    if (!model.fallbacks.isEmpty()) {
        add("arrow-right", tr("Then"), joined(model.fallbacks));
    }
    if (model.affinity.by == AffinityRule::By::Header) {
        add("users", tr("Kept together by"), QString::fromUtf8(model.affinity.header));
    } else if (model.affinity.by == AffinityRule::By::PromptPrefix) {
        add("users", tr("Kept together by"), tr("the beginning of the prompt"));
    }
    if (model.hedge.enabled) {
        add("timer", tr("Second try"),
            model.hedge.afterMs > 0
                ? tr("after %1").arg(humantext::duration(model.hedge.afterMs * qint64(1'000)))
                : tr("when the first is unusually late"));
    }
    if (!model.mirror.backend.isEmpty()) {
        //: %1 is a share in percent, %2 a backend
        add("copy", tr("Mirrored"),
            tr("%1 % to %2")
                .arg(QLocale().toString(model.mirror.percent, 'g', 4),
                     QString::fromUtf8(model.mirror.backend)));
    }
    return list;
}

QVariant ModelsModel::data(const QModelIndex &index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid)) {
        return {};
    }
    const ModelConfig &model = m_config->models[size_t(index.row())];
    switch (role) {
    case NameRole:
        return QString::fromUtf8(model.name);
    case TargetsRole:
        return targets(model);
    case StrategyTextRole:
        return routetext::strategy(model.strategy);
    case StrategyHintRole:
        return routetext::strategyHint(model.strategy);
    case NotesRole:
        return notes(model);
    case OriginTextRole:
        return model.origin == Origin::File          ? tr("from config file")
               : model.origin == Origin::Environment ? tr("from environment")
                                                     : QString();
    case ReadOnlyRole:
        return isReadOnly(model);
    case AccessibleTextRole:
    case Qt::AccessibleTextRole:
    case Qt::DisplayRole: {
        QStringList parts;
        for (const ModelTarget &target : model.targets) {
            //: Read aloud; %1 is a model, %2 a backend
            parts << tr("%1 at %2")
                         .arg(QString::fromUtf8(target.model), QString::fromUtf8(target.backend));
        }
        //: Read aloud; %1 is a name, %2 how targets are chosen, %3 a list of targets
        return tr("Model %1, %2: %3")
            .arg(QString::fromUtf8(model.name), routetext::strategy(model.strategy),
                 parts.join(QStringLiteral(", ")));
    }
    default:
        return {};
    }
}

QHash<int, QByteArray> ModelsModel::roleNames() const
{
    return {
        {NameRole, "name"},
        {TargetsRole, "targets"},
        {StrategyTextRole, "strategyText"},
        {StrategyHintRole, "strategyHint"},
        {NotesRole, "notes"},
        {OriginTextRole, "originText"},
        {ReadOnlyRole, "readOnly"},
        {AccessibleTextRole, "accessibleText"},
    };
}

QVariantList ModelsModel::strategies()
{
    QVariantList list;
    for (const RoutingStrategy strategy : kStrategies) {
        list << QVariantMap{
            {QStringLiteral("value"), QString::fromLatin1(routingStrategyName(strategy))},
            {QStringLiteral("text"), routetext::strategy(strategy)},
            {QStringLiteral("hint"), routetext::strategyHint(strategy)}};
    }
    return list;
}

QStringList ModelsModel::askable() const
{
    QStringList list;
    const auto add = [&list](const QByteArray &name) {
        const QString text = QString::fromUtf8(name);
        if (!isPattern(name) && !list.contains(text)) {
            list << text;
        }
    };
    if (m_config) {
        for (const ModelConfig &model : m_config->models) {
            add(model.name);
            for (const Glob &alias : model.aliases) {
                add(alias.pattern());
            }
        }
        for (const BackendConfig &backend : m_config->backends) {
            for (const Glob &model : backend.models) {
                add(model.pattern());
            }
        }
    }
    return list;
}

const ModelConfig *ModelsModel::find(const QString &name) const
{
    if (!m_config) {
        return nullptr;
    }
    const QByteArray wanted = name.toUtf8();
    const auto it = std::find_if(m_config->models.cbegin(), m_config->models.cend(),
                                 [&wanted](const ModelConfig &m) { return m.name == wanted; });
    return it == m_config->models.cend() ? nullptr : &*it;
}

QString ModelsModel::nameProblem(const QString &name) const
{
    const QString trimmed = name.trimmed();
    if (trimmed.isEmpty()) {
        return tr("Give the model a name.");
    }
    const bool printable = std::all_of(trimmed.cbegin(), trimmed.cend(),
                                       [](QChar c) { return c.isPrint() && !c.isSpace(); });
    if (!printable || isPattern(trimmed.toUtf8()) || trimmed.size() > 256) {
        return tr("Use no spaces and no wildcards; patterns can be aliases.");
    }
    return find(trimmed) == nullptr ? QString() : tr("There is a model of that name already.");
}

QVariantMap ModelsModel::form(const QString &name) const
{
    const ModelConfig *model = find(name);
    return modelform::fromConfig(model == nullptr ? QJsonObject() : model->source);
}

QVariantMap ModelsModel::formProblems(const QVariantMap &form)
{
    return modelform::problems(form);
}

void ModelsModel::save(const QString &name, const QVariantMap &form)
{
    const ModelConfig *model = find(name);
    store(name, modelform::toConfig(form, model == nullptr ? QJsonObject() : model->source));
}

void ModelsModel::moveTarget(const QString &name, int from, int to)
{
    const ModelConfig *model = find(name);
    const auto count = model == nullptr ? 0 : int(model->targets.size());
    if (from < 0 || from >= count || to < 0 || to >= count || from == to) {
        return;
    }
    if (isReadOnly(*model)) {
        Q_EMIT failed(tr("“%1” is set in the config file.").arg(name));
        return;
    }
    QJsonObject config = model->source;
    QJsonArray targets = config.value(QStringLiteral("targets")).toArray();
    const QJsonValue moved = targets.takeAt(from);
    targets.insert(to, moved);
    // The order counts from now on, not numbers from before.
    for (QJsonValueRef value : targets) {
        QJsonObject target = value.toObject();
        target.remove(QStringLiteral("priority"));
        value = target;
    }
    config[QStringLiteral("targets")] = targets;
    store(name, config);
}

void ModelsModel::store(const QString &name, const QJsonObject &config)
{
    changePending(1);
    m_link.saveModel(name.toUtf8(), config,
                     [self = QPointer(this), name](const Result<Done> &result) {
                         if (!self) {
                             return;
                         }
                         self->changePending(-1);
                         if (result) {
                             Q_EMIT self->saved(name);
                         } else {
                             Q_EMIT self->failed(result.error());
                         }
                     });
}

void ModelsModel::remove(const QString &name)
{
    changePending(1);
    m_link.removeModel(name.toUtf8(), [self = QPointer(this), name](const Result<Done> &result) {
        if (!self) {
            return;
        }
        self->changePending(-1);
        if (result) {
            Q_EMIT self->removed(name);
        } else {
            Q_EMIT self->failed(result.error());
        }
    });
}

void ModelsModel::reload()
{
    ConfigPtr config = m_link.config();
    const auto names = [](const ConfigPtr &snapshot) {
        QList<QByteArray> list;
        if (snapshot) {
            for (const ModelConfig &model : snapshot->models) {
                list << model.name;
            }
        }
        return list;
    };
    if (names(config) == names(m_config)) {
        m_config = std::move(config);
        if (rowCount() > 0) {
            Q_EMIT dataChanged(index(0), index(rowCount() - 1));
        }
    } else {
        beginResetModel();
        m_config = std::move(config);
        endResetModel();
        Q_EMIT countChanged();
    }
    Q_EMIT askableChanged();
}

void ModelsModel::changePending(int by)
{
    m_pending += by;
    Q_EMIT busyChanged();
}

} // namespace tidegate
