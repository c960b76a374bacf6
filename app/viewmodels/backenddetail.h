// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/viewmodels/backendsmodel.h"

#include <QObject>
#include <QVariantList>
#include <QVariantMap>
#include <QtQml/qqmlregistration.h>

namespace tidegate {

/// One backend in full: the detail pane of the Backends page.
///
/// Lives in the GUI thread; owned by AppController. Says what BackendsModel last heard.
class BackendDetail : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("Use App.backend")
    /// Which backend; the first of the list while that one is not there. Empty without backends.
    Q_PROPERTY(QString name READ name WRITE show NOTIFY changed FINAL)
    Q_PROPERTY(bool valid READ isValid NOTIFY changed FINAL)
    Q_PROPERTY(QString typeLabel READ typeLabel NOTIFY changed FINAL)
    Q_PROPERTY(QString originText READ originText NOTIFY changed FINAL)
    Q_PROPERTY(bool readOnly READ isReadOnly NOTIFY changed FINAL)
    Q_PROPERTY(tidegate::BackendsModel::Condition condition READ condition NOTIFY changed FINAL)
    Q_PROPERTY(QString conditionText READ conditionText NOTIFY changed FINAL)
    Q_PROPERTY(QString reasonText READ reasonText NOTIFY changed FINAL)
    Q_PROPERTY(bool draining READ isDraining NOTIFY changed FINAL)
    Q_PROPERTY(int active READ active NOTIFY changed FINAL)
    /// Of its last test.
    Q_PROPERTY(tidegate::BackendsModel::TestState testState READ testState NOTIFY changed FINAL)
    Q_PROPERTY(QString testText READ testText NOTIFY changed FINAL)
    /// {state: "closed" | "open" | "half_open", text (a sentence), countdown ("12 s", empty when it
    /// is not waiting), remaining (share of the wait that is left, 0…1), succeeded, needed,
    /// byHand (bool), spoken}
    Q_PROPERTY(QVariantMap breaker READ breaker NOTIFY changed FINAL)
    /// Newest first: list of {time, text, state (as in breaker), reason}
    Q_PROPERTY(QVariantList history READ history NOTIFY changed FINAL)
    /// In the configuration's order: list of {place, tail, state: "ready" | "cooling" | "dead" |
    /// "trial", text}
    Q_PROPERTY(QVariantList keys READ keys NOTIFY changed FINAL)
    /// {busy, places (0: no bound), waiting, queue, text, queueText}
    Q_PROPERTY(QVariantMap load READ load NOTIFY changed FINAL)
    /// List of {label, value, mono (bool)}
    Q_PROPERTY(QVariantList facts READ facts NOTIFY changed FINAL)
    /// Names and patterns of the configuration, or what it said it serves.
    Q_PROPERTY(QStringList models READ models NOTIFY changed FINAL)
    Q_PROPERTY(QStringList discovered READ discovered NOTIFY changed FINAL)
    /// {shown (bool), state, text, detail, command, unconfirmed, canStart, canStop (bools),
    /// tone: "good" | "warn" | "bad" | "info" | "neutral"}
    Q_PROPERTY(QVariantMap managed READ managed NOTIFY changed FINAL)
    /// {shown, text, detail, unconfirmed, tone}
    Q_PROPERTY(QVariantMap tunnel READ tunnel NOTIFY changed FINAL)

public:
    BackendDetail(BackendsModel &backends, WallClock clock, QObject *parent = nullptr);

    [[nodiscard]] QString name() const;
    [[nodiscard]] bool isValid() const { return config() != nullptr; }
    [[nodiscard]] QString typeLabel() const;
    [[nodiscard]] QString originText() const;
    [[nodiscard]] bool isReadOnly() const;
    [[nodiscard]] BackendsModel::Condition condition() const;
    [[nodiscard]] QString conditionText() const;
    [[nodiscard]] QString reasonText() const;
    [[nodiscard]] bool isDraining() const { return m_status.draining; }
    [[nodiscard]] int active() const { return m_status.active; }
    [[nodiscard]] BackendsModel::TestState testState() const;
    [[nodiscard]] QString testText() const;
    [[nodiscard]] QVariantMap breaker() const;
    [[nodiscard]] QVariantList history() const;
    [[nodiscard]] QVariantList keys() const;
    [[nodiscard]] QVariantMap load() const;
    [[nodiscard]] QVariantList facts() const;
    [[nodiscard]] QStringList models() const;
    [[nodiscard]] QStringList discovered() const { return m_status.discovered; }
    [[nodiscard]] QVariantMap managed() const;
    [[nodiscard]] QVariantMap tunnel() const;

    Q_INVOKABLE void show(const QString &name);

Q_SIGNALS:
    void changed();

private:
    [[nodiscard]] const BackendConfig *config() const { return m_backends.find(name()); }
    [[nodiscard]] QString breakerText(qint64 nowMs) const;
    void update();

    BackendsModel &m_backends;
    WallClock m_clock;
    QString m_name;
    BackendStatus m_status;
};

} // namespace tidegate
