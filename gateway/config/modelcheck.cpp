// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/config/modelcheck.h"

#include "gateway/config/closestmatch.h"

#include <QHash>
#include <QSet>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace tidegate {

namespace {

// Longer chains than this cannot be meant, and each step needs stack.
constexpr qsizetype kLongestChain = 100;

QString text(const QByteArray &name)
{
    return QString::fromUtf8(name);
}

/// On the stack of checkModels().
class ModelCheck
{
public:
    ModelCheck(const std::vector<ModelConfig> &models, const std::vector<BackendConfig> &backends)
        : m_models(models)
        , m_backends(backends)
    {
        for (const ModelConfig &model : models) {
            m_owners.insert(model.name, &model);
        }
        for (const BackendConfig &backend : backends) {
            m_backendNames.append(text(backend.name));
        }
    }

    std::vector<ModelMistake> run()
    {
        for (const ModelConfig &model : m_models) {
            checkAliases(model);
        }
        for (const ModelConfig &model : m_models) {
            for (const QByteArray &name : model.fallbacks) {
                checkFallback(model, name);
            }
            checkMirror(model);
            checkHedge(model);
        }
        for (const ModelConfig &model : m_models) {
            QByteArrayList way;
            follow(model, way);
        }
        return std::move(m_mistakes);
    }

private:
    void checkAliases(const ModelConfig &model)
    {
        for (const Glob &alias : model.aliases) {
            const ModelConfig *owner = m_owners.value(alias.pattern());
            if (owner) {
                m_mistakes.push_back(
                    {model.name,
                     u"aliases"_s,
                     text(alias.pattern()),
                     owner->name == alias.pattern()
                         ? u"\"%1\" is a model of its own. Take the alias out."_s.arg(
                               text(alias.pattern()))
                         : u"\"%1\" is an alias of \"%2\" already. Take one of them out."_s.arg(
                               text(alias.pattern()), text(owner->name)),
                     {model.name, owner->name}});
                continue;
            }
            m_owners.insert(alias.pattern(), &model);
        }
    }

    [[nodiscard]] bool isBackend(QByteArrayView name) const
    {
        return std::any_of(m_backends.cbegin(), m_backends.cend(),
                           [name](const BackendConfig &backend) { return backend.name == name; });
    }

    /// A public name, a listed one, or "backend/model".
    [[nodiscard]] bool isServed(const QByteArray &name) const
    {
        const std::string_view view(name.constData(), size_t(name.size()));
        const auto matches = [view](const Glob &glob) { return glob.matches(view); };
        const qsizetype slash = name.indexOf('/');
        return m_owners.contains(name) ||
               std::any_of(m_backends.cbegin(), m_backends.cend(),
                           [matches](const BackendConfig &backend) {
                               return std::any_of(backend.models.cbegin(), backend.models.cend(),
                                                  matches);
                           }) ||
               (slash > 0 && isBackend(QByteArrayView(name).first(slash)));
    }

    void checkFallback(const ModelConfig &model, const QByteArray &name)
    {
        if (isServed(name)) {
            return;
        }
        QStringList names;
        for (const ModelConfig &other : m_models) {
            names.append(text(other.name));
        }
        m_mistakes.push_back(
            {model.name,
             u"fallbacks"_s,
             text(name),
             u"There is no model \"%1\" below models: and no backend lists it.%2"_s.arg(
                 text(name), didYouMean(text(name), names)),
             {model.name}});
    }

    void checkMirror(const ModelConfig &model)
    {
        const QByteArray &backend = model.mirror.backend;
        if (!backend.isEmpty() && !isBackend(backend)) {
            m_mistakes.push_back({model.name,
                                  u"mirror.backend"_s,
                                  {},
                                  u"There is no backend \"%1\".%2"_s.arg(
                                      text(backend), didYouMean(text(backend), m_backendNames)),
                                  {model.name}});
        }
    }

    void checkHedge(const ModelConfig &model)
    {
        if (model.hedge.enabled && model.targets.size() < 2 && model.fallbacks.isEmpty()) {
            m_mistakes.push_back({model.name,
                                  u"hedge"_s,
                                  {},
                                  u"There is only one target, so nothing can be tried beside "
                                  "it. Add a target or a fallback."_s,
                                  {model.name},
                                  true});
        }
    }

    void follow(const ModelConfig &model, QByteArrayList &way)
    {
        if (m_followed.contains(model.name)) {
            return;
        }
        way.append(model.name);
        for (const QByteArray &name : model.fallbacks) {
            const ModelConfig *next = m_owners.value(name);
            const qsizetype start = next ? way.indexOf(next->name) : -1;
            if (start >= 0) {
                const QByteArrayList circle = way.mid(start);
                QStringList shown;
                for (const QByteArray &step : circle) {
                    shown.append(text(step));
                }
                shown.append(shown.front());
                m_mistakes.push_back(
                    {model.name, u"fallbacks"_s, text(name),
                     u"The fallbacks go in a circle: %1. Take one of them out."_s.arg(
                         shown.join(u" → "_s)),
                     circle});
            } else if (next && way.size() < kLongestChain) {
                follow(*next, way);
            }
        }
        way.removeLast();
        m_followed.insert(model.name);
    }

    const std::vector<ModelConfig> &m_models;
    const std::vector<BackendConfig> &m_backends;
    QHash<QByteArray, const ModelConfig *> m_owners; ///< by name and alias
    QStringList m_backendNames;
    QSet<QByteArray> m_followed;
    std::vector<ModelMistake> m_mistakes;
};

} // namespace

std::vector<ModelMistake> checkModels(const std::vector<ModelConfig> &models,
                                      const std::vector<BackendConfig> &backends)
{
    return ModelCheck(models, backends).run();
}

} // namespace tidegate
