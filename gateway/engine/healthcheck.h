// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/config/configsnapshot.h"
#include "gateway/resilience/lanehealth.h"
#include "gateway/upstream/upstreamclient.h"

#include <QByteArray>
#include <QByteArrayList>

#include <functional>
#include <optional>
#include <vector>

namespace tidegate {

/// One look at a backend: whether its process is up and its model is loaded.
///
/// Lives in the main thread, owned by the HealthProber. Asks one to two questions, one after the
/// other, of the backend's own server only and with its own key.
class HealthCheck final : private UpstreamListener
{
public:
    struct Result
    {
        HealthFinding finding;
        /// It answered below 500: what is wrong, if anything, is not that requests do not reach it.
        bool answers = false;
        /// The models that it says it serves; nothing when it was not asked or did not say.
        std::optional<QByteArrayList> models;
    };
    using Reply = std::function<void(Result result)>;

    /// What a question is about, and so how its answer is read.
    enum class Topic : quint8
    {
        Health,      ///< any 2xx is well
        UsualHealth, ///< the same, but a server that has no such path may still be well
        Models,      ///< OpenAI's list of models
        OllamaTags,  ///< the models that are pulled
        OllamaLoaded ///< the models that are in memory
    };
    struct Question
    {
        Topic topic = Topic::Health;
        QByteArray url;
    };

    explicit HealthCheck(UpstreamClient &client);
    ~HealthCheck();
    HealthCheck(const HealthCheck &) = delete;
    HealthCheck &operator=(const HealthCheck &) = delete;

    /// @p reply comes later, and may start the next look. Not while one is under way.
    void start(const BackendConfig &backend, Reply reply);
    void cancel();
    [[nodiscard]] bool isRunning() const { return m_call != nullptr; }

    /// What @p backend is asked: what suits its type, or health.path.
    [[nodiscard]] static std::vector<Question> questionsFor(const BackendConfig &backend);
    /// What the answer to a question of that topic says. @p model: must be served; empty: any.
    [[nodiscard]] static Result judge(Topic topic, int status, const QByteArray &body,
                                      const QByteArray &model);

private:
    void upstreamHead(const UpstreamHead &head) override;
    bool upstreamBody(std::string_view piece) override;
    void upstreamFinished(const UpstreamResult &result) override;
    void askNext();
    void finish();

    UpstreamClient &m_client;
    UpstreamCall *m_call = nullptr;
    BackendConfig m_backend;
    std::vector<Question> m_questions;
    size_t m_next = 0;
    Reply m_reply;
    Result m_result;
    int m_status = 0;
    QByteArray m_body;
};

} // namespace tidegate
