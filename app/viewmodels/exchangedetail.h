// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/viewmodels/livemodel.h"

#include <QObject>
#include <QVariantList>
#include <QtQml/qqmlregistration.h>

namespace tidegate {

/// One exchange in full: the detail pane of the Live page.
///
/// Lives in the GUI thread; owned by AppController. Follows the exchange while it runs and keeps
/// the last state after the list has let go of it.
class ExchangeDetail : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("Use App.detail")
    /// An exchange is shown.
    Q_PROPERTY(bool valid READ isValid NOTIFY changed FINAL)
    Q_PROPERTY(double exchangeId READ exchangeId NOTIFY changed FINAL)
    Q_PROPERTY(QString requestId READ requestId NOTIFY changed FINAL)
    /// "POST /v1/chat/completions"
    Q_PROPERTY(QString title READ title NOTIFY changed FINAL)
    Q_PROPERTY(tidegate::LiveModel::Phase phase READ phase NOTIFY changed FINAL)
    Q_PROPERTY(QString phaseText READ phaseText NOTIFY changed FINAL)
    Q_PROPERTY(int status READ status NOTIFY changed FINAL)
    Q_PROPERTY(bool running READ isRunning NOTIFY changed FINAL)
    Q_PROPERTY(QString errorText READ errorText NOTIFY changed FINAL)
    Q_PROPERTY(QString errorCode READ errorCode NOTIFY changed FINAL)
    Q_PROPERTY(QString keyName READ keyName NOTIFY changed FINAL)
    Q_PROPERTY(QString backend READ backend NOTIFY changed FINAL)
    /// Everything known, for a two-column list: list of {label, value, mono (bool)}.
    Q_PROPERTY(QVariantList facts READ facts NOTIFY changed FINAL)
    /// Where the time went, in order, without gaps: list of {label, kind, startUs, durationUs,
    /// text}; kind is one of "read", "route", "connect", "tls", "send", "wait", "stream". The last
    /// one grows while the exchange runs.
    Q_PROPERTY(QVariantList segments READ segments NOTIFY changed FINAL)
    /// The calls behind the waterfall, when there was more than one: as in segments; kind is
    /// "answered", "failed" or "calledOff".
    Q_PROPERTY(QVariantList attemptBars READ attemptBars NOTIFY changed FINAL)
    /// What was done with each lane, in order: list of {backend, model, what ("Skipped"), why (a
    /// sentence), tone: "good" | "bad" | "warn" | "info" | "neutral", icon, at, duration, status
    /// (texts), spoken}
    Q_PROPERTY(QVariantList route READ route NOTIFY changed FINAL)
    /// One sentence on the route and on what the client got as x-tidegate-attempts; empty without a
    /// route.
    Q_PROPERTY(QString routeSummary READ routeSummary NOTIFY changed FINAL)
    /// Where the waterfall ends, microseconds.
    Q_PROPERTY(double totalUs READ totalUs NOTIFY changed FINAL)
    Q_PROPERTY(QString totalText READ totalText NOTIFY changed FINAL)
    /// The waterfall as one sentence.
    Q_PROPERTY(QString accessibleText READ accessibleText NOTIFY changed FINAL)

public:
    explicit ExchangeDetail(LiveModel &model, QObject *parent = nullptr);

    [[nodiscard]] bool isValid() const { return m_event.id != 0; }
    [[nodiscard]] double exchangeId() const { return double(m_event.id); }
    [[nodiscard]] QString requestId() const;
    [[nodiscard]] QString title() const;
    [[nodiscard]] LiveModel::Phase phase() const;
    [[nodiscard]] QString phaseText() const;
    [[nodiscard]] int status() const { return m_event.status; }
    [[nodiscard]] bool isRunning() const { return LiveModel::isRunning(m_event); }
    [[nodiscard]] QString errorText() const { return m_event.errorMessage; }
    [[nodiscard]] QString errorCode() const;
    [[nodiscard]] QString keyName() const;
    [[nodiscard]] QString backend() const;
    [[nodiscard]] QVariantList facts() const;
    [[nodiscard]] QVariantList segments() const;
    [[nodiscard]] QVariantList attemptBars() const;
    [[nodiscard]] QVariantList route() const;
    [[nodiscard]] QString routeSummary() const;
    [[nodiscard]] double totalUs() const;
    [[nodiscard]] QString totalText() const;
    [[nodiscard]] QString accessibleText() const;

    /// Shows the exchange of that id (LiveFilterModel.exchangeIdAt()).
    Q_INVOKABLE void show(double exchangeId);
    /// Shows nothing.
    Q_INVOKABLE void close();
    /// The request as a command. The key is always "$TIDEGATE_API_KEY".
    Q_INVOKABLE QString curlText() const;
    /// All that is known, without secrets.
    Q_INVOKABLE QString jsonText() const;
    /// Puts curlText() or jsonText() on the clipboard.
    Q_INVOKABLE void copyAsCurl() const;
    Q_INVOKABLE void copyAsJson() const;

    /// For curlText().
    void setBaseUrl(const QString &url) { m_baseUrl = url; }

Q_SIGNALS:
    void changed();

private:
    void follow();

    LiveModel &m_model;
    ExchangeEvent m_event;
    QString m_baseUrl;
};

} // namespace tidegate
