// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QJsonObject>
#include <QObject>
#include <QVariantList>
#include <QtQml/qqmlregistration.h>

namespace tidegate {

class GatewayLink;

/// What would happen now to a request for a model with a client key. Nothing is sent.
///
/// Lives in the GUI thread; owned by AppController.
class DryRun : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("Use App.dryRun")
    Q_PROPERTY(QString model READ model WRITE setModel NOTIFY changed FINAL)
    /// Name of a client key; empty: as without one.
    Q_PROPERTY(QString key READ key WRITE setKey NOTIFY changed FINAL)
    Q_PROPERTY(bool tools READ tools WRITE setTools NOTIFY changed FINAL)
    /// There is an answer, good or bad.
    Q_PROPERTY(bool answered READ isAnswered NOTIFY changed FINAL)
    /// A request would be sent somewhere.
    Q_PROPERTY(bool ok READ isOk NOTIFY changed FINAL)
    /// One sentence: where it would go, or why nowhere.
    Q_PROPERTY(QString headline READ headline NOTIFY changed FINAL)
    /// List of {label, value}: how the name was found, how the order is made, hedge, mirror.
    Q_PROPERTY(QVariantList facts READ facts NOTIFY changed FINAL)
    /// In the order they would be tried, then those that were passed over: list of {place (0:
    /// passed over), backend, model, first, available, fallback (bools), share (0…1), shareText,
    /// why, load, spoken}
    Q_PROPERTY(QVariantList lanes READ lanes NOTIFY changed FINAL)

public:
    explicit DryRun(const GatewayLink &link, QObject *parent = nullptr);

    [[nodiscard]] QString model() const { return m_model; }
    void setModel(const QString &model);
    [[nodiscard]] QString key() const { return m_key; }
    void setKey(const QString &key);
    [[nodiscard]] bool tools() const { return m_tools; }
    void setTools(bool tools);
    [[nodiscard]] bool isAnswered() const { return !m_answer.isEmpty() || !m_problem.isEmpty(); }
    [[nodiscard]] bool isOk() const;
    [[nodiscard]] QString headline() const;
    [[nodiscard]] QVariantList facts() const;
    [[nodiscard]] QVariantList lanes() const;

    /// Asks again: lanes come and go.
    Q_INVOKABLE void ask();

Q_SIGNALS:
    void changed();

private:
    [[nodiscard]] QVariantMap lane(const QJsonObject &object, int place, bool first) const;

    const GatewayLink &m_link;
    QString m_model;
    QString m_key;
    bool m_tools = false;
    QJsonObject m_answer;
    QString m_problem; ///< the question could not be asked
};

} // namespace tidegate
