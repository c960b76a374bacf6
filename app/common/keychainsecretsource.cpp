// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/common/keychainsecretsource.h"

#include "gateway/base/clock.h"

#include <QAbstractEventDispatcher>

#if __has_include(<qt6keychain/keychain.h>)
#include <qt6keychain/keychain.h>
#else
#include <keychain.h>
#endif

#include <algorithm>

namespace tidegate {
namespace {

constexpr qint64 kNsPerMs = 1'000'000;

QString service()
{
    return QStringLiteral("io.github.tidegate.Tidegate");
}

/// libsecret answers through GLib's event loop; on any other one it stays silent for ever.
bool canAnswer()
{
#if defined(Q_OS_UNIX) && !defined(Q_OS_DARWIN)
    const auto *dispatcher = QAbstractEventDispatcher::instance();
    return dispatcher != nullptr &&
           QByteArrayView(dispatcher->metaObject()->className()).contains("Glib");
#else
    return true;
#endif
}

SecretSource::Answer refusal(QKeychain::Error error, const QString &reason)
{
    SecretSource::Answer answer;
    switch (error) {
    case QKeychain::EntryNotFound:
        answer.state = KeyState::Missing;
        // Which of the two it is, the library does not say.
        answer.message =
            QStringLiteral("The keychain has no such entry, or it is locked and was not unlocked.");
        return answer;
    case QKeychain::AccessDenied:
    case QKeychain::AccessDeniedByUser:
        answer.state = KeyState::Locked;
        answer.message = QStringLiteral("The keychain refused access. Unlock it and try again.");
        return answer;
    default:
        break;
    }
    if (reason.contains(QLatin1String("locked"), Qt::CaseInsensitive)) {
        answer.state = KeyState::Locked;
        answer.message = QStringLiteral("The keychain is locked. Unlock it and try again.");
        return answer;
    }
    answer.state = KeyState::Unavailable;
    answer.message =
        QStringLiteral(
            "No keychain can be used here (%1). Start a desktop session with a keyring, or "
            "give the key as ${VARIABLE} or file:PATH in the configuration file.")
            .arg(reason.trimmed());
    return answer;
}

SecretSource::Answer timedOut(std::chrono::milliseconds timeout)
{
    SecretSource::Answer answer;
    answer.state = KeyState::Locked;
    answer.message =
        QStringLiteral("The keychain did not answer within %1 s; it is probably locked. "
                       "Unlock it and try again.")
            .arg(double(timeout.count()) / 1000);
    return answer;
}

} // namespace

KeychainSecretSource::KeychainSecretSource(std::chrono::milliseconds timeout, QObject *parent)
    : QObject(parent)
    , m_timeout(timeout)
{
    m_timer.setSingleShot(true);
    connect(&m_timer, &QTimer::timeout, this, &KeychainSecretSource::giveUp);
}

// A job that still runs is left behind on purpose: the keychain library calls into it when it is
// answered, whether it is there or not.
KeychainSecretSource::~KeychainSecretSource() = default;

void KeychainSecretSource::read(const QString &name, Reply reply)
{
    ask({Kind::Read, name, {}, std::move(reply), 0});
}

void KeychainSecretSource::write(const QString &name, const Secret &secret, Reply reply)
{
    ask({Kind::Write, name, secret, std::move(reply), 0});
}

void KeychainSecretSource::remove(const QString &name, Reply reply)
{
    ask({Kind::Remove, name, {}, std::move(reply), 0});
}

void KeychainSecretSource::ask(Question question)
{
    if (!canAnswer()) {
        QMetaObject::invokeMethod(
            this,
            [reply = std::move(question.reply)] {
                reply(refusal(QKeychain::NoBackendAvailable,
                              QStringLiteral("it needs GLib's event loop, which is switched off")));
            },
            Qt::QueuedConnection);
        return;
    }
    // Counted from here and not from when its turn comes: nobody waits for others' time-outs.
    question.deadlineNs = monotonicNs() + m_timeout.count() * kNsPerMs;
    m_questions.push_back(std::move(question));
    QMetaObject::invokeMethod(this, &KeychainSecretSource::next, Qt::QueuedConnection);
    restartTimer();
}

void KeychainSecretSource::next()
{
    if (m_job == nullptr && !m_questions.empty()) {
        start(m_questions.front());
    }
}

void KeychainSecretSource::start(const Question &question)
{
    // Without a parent, and never deleted before it has finished: see the destructor.
    switch (question.kind) {
    case Kind::Read:
        m_job = new QKeychain::ReadPasswordJob(service());
        break;
    case Kind::Write: {
        auto *job = new QKeychain::WritePasswordJob(service());
        job->setTextData(QString::fromUtf8(question.secret.reveal()));
        m_job = job;
        break;
    }
    case Kind::Remove:
        m_job = new QKeychain::DeletePasswordJob(service());
        break;
    }
    m_jobGivenUp = false;
    m_job->setAutoDelete(false);
    m_job->setInsecureFallback(false);
    m_job->setKey(question.name);
    connect(m_job, &QKeychain::Job::finished, this, &KeychainSecretSource::finished);
    m_job->start();
}

void KeychainSecretSource::finished(QKeychain::Job *job)
{
    m_job = nullptr;
    job->deleteLater();
    if (m_jobGivenUp) {
        if (job->error() == QKeychain::NoError) {
            Q_EMIT answersAgain();
        }
    } else {
        Answer answer;
        const bool wasGone =
            job->error() == QKeychain::EntryNotFound && m_questions.front().kind == Kind::Remove;
        if (job->error() != QKeychain::NoError && !wasGone) {
            answer = refusal(job->error(), job->errorString());
        } else {
            answer.state = KeyState::Ready;
            if (const auto *reading = qobject_cast<QKeychain::ReadPasswordJob *>(job)) {
                answer.secret = Secret(reading->textData().toUtf8());
            }
        }
        const Reply reply = std::move(m_questions.front().reply);
        m_questions.pop_front();
        reply(std::move(answer));
    }
    restartTimer();
    // Later, because the keychain library is still inside this job.
    QMetaObject::invokeMethod(this, &KeychainSecretSource::next, Qt::QueuedConnection);
}

void KeychainSecretSource::giveUp()
{
    const qint64 nowNs = monotonicNs();
    std::vector<Reply> replies;
    while (!m_questions.empty() && m_questions.front().deadlineNs <= nowNs) {
        // The job of the first question hangs and, as the library asks one at a time too, so would
        // all after it. It may still be answered one day; until then nothing new is asked.
        m_jobGivenUp = m_job != nullptr;
        replies.push_back(std::move(m_questions.front().reply));
        m_questions.pop_front();
    }
    restartTimer();
    for (const Reply &reply : replies) {
        reply(timedOut(m_timeout));
    }
}

void KeychainSecretSource::restartTimer()
{
    if (m_questions.empty()) {
        m_timer.stop();
        return;
    }
    const qint64 leftNs = m_questions.front().deadlineNs - monotonicNs();
    // Rounded up, so that the time has come when the timer says so.
    m_timer.start(std::chrono::milliseconds(std::max<qint64>(0, leftNs / kNsPerMs + 1)));
}

} // namespace tidegate
