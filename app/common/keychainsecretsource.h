// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/config/secretsource.h"

#include <QObject>
#include <QTimer>

#include <chrono>
#include <deque>

namespace QKeychain {
class Job;
}

namespace tidegate {

/// Provider keys in the keychain of the operating system, never anywhere else.
///
/// Lives in the main thread, owned by the program. The keychain is asked one question at a time,
/// and every question is answered in time, with Locked when the keychain says nothing: without
/// somebody to type the password a locked one never answers.
class KeychainSecretSource : public QObject, public SecretSource
{
    Q_OBJECT

public:
    static constexpr std::chrono::milliseconds kTimeout{10'000};

    explicit KeychainSecretSource(std::chrono::milliseconds timeout = kTimeout,
                                  QObject *parent = nullptr);
    ~KeychainSecretSource() override;

    void read(const QString &name, Reply reply) override;
    void write(const QString &name, const Secret &secret, Reply reply) override;
    /// Ready when there is no such entry, too.
    void remove(const QString &name, Reply reply) override;

Q_SIGNALS:
    /// A question that was given up has been answered after all, most likely because somebody
    /// unlocked the keychain: asking again helps.
    void answersAgain();

private:
    enum class Kind : quint8
    {
        Read,
        Write,
        Remove
    };
    struct Question
    {
        Kind kind = Kind::Read;
        QString name;
        Secret secret;
        Reply reply;
        qint64 deadlineNs = 0;
    };

    void ask(Question question);
    void next();
    void start(const Question &question);
    void finished(QKeychain::Job *job);
    void giveUp();
    void restartTimer();

    const std::chrono::milliseconds m_timeout;
    std::deque<Question>
        m_questions; ///< by deadline; the first one is asked now when m_job is for it
    QKeychain::Job *m_job = nullptr;
    bool m_jobGivenUp = false; ///< m_job hangs; its question has been answered
    QTimer m_timer;
};

} // namespace tidegate
