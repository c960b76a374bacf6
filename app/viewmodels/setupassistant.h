// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QNetworkAccessManager>
#include <QObject>
#include <QPointer>
#include <QTimer>
#include <QVariantList>
#include <QVariantMap>
#include <QtQml/qqmlregistration.h>

class QNetworkReply;

namespace tidegate {

class BackendsModel;
class GatewayLink;

/// The first 60 seconds: find or add a backend, make a client key, send a test request.
///
/// Lives in the GUI thread; owned by AppController. The first client key stays in memory until
/// finish(), for the snippets.
class SetupAssistant : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("Use App.setup")
    /// Looking for servers on this machine.
    Q_PROPERTY(bool scanning READ isScanning NOTIFY scanChanged FINAL)
    /// A scan has been finished.
    Q_PROPERTY(bool scanned READ isScanned NOTIFY scanChanged FINAL)
    /// Servers found: list of {type, label, url, modelCount, models, modelsText, added}.
    Q_PROPERTY(QVariantList found READ found NOTIFY scanChanged FINAL)
    /// "Found Ollama with 3 models."
    Q_PROPERTY(QString scanText READ scanText NOTIFY scanChanged FINAL)
    /// The client key made here, in full; empty when there is none to show.
    Q_PROPERTY(QString clientKey READ clientKey NOTIFY clientKeyChanged FINAL)
    /// With the real URL and, while it is known, the real key: list of {id, title, text}; id is
    /// one of "curl", "python", "javascript", "environment", "langchain".
    Q_PROPERTY(QVariantList snippets READ snippets NOTIFY snippetsChanged FINAL)
    /// Models that a test request can ask for.
    Q_PROPERTY(QStringList models READ models NOTIFY snippetsChanged FINAL)
    Q_PROPERTY(bool testRunning READ isTestRunning NOTIFY testChanged FINAL)
    Q_PROPERTY(bool testPassed READ isTestPassed NOTIFY testChanged FINAL)
    /// The answer so far, or why there is none; empty before the first test.
    Q_PROPERTY(QString testText READ testText NOTIFY testChanged FINAL)
    /// What can be said of a failure: empty, or what to do next.
    Q_PROPERTY(QString errorText READ errorText NOTIFY errorChanged FINAL)

public:
    SetupAssistant(GatewayLink &link, BackendsModel &backends, QObject *parent = nullptr);
    ~SetupAssistant() override;

    [[nodiscard]] bool isScanning() const { return m_pendingProbes > 0; }
    [[nodiscard]] bool isScanned() const { return m_scanned; }
    [[nodiscard]] QVariantList found() const;
    [[nodiscard]] QString scanText() const;
    [[nodiscard]] QString clientKey() const { return m_clientKey; }
    [[nodiscard]] QVariantList snippets() const;
    [[nodiscard]] QStringList models() const;
    [[nodiscard]] bool isTestRunning() const;
    [[nodiscard]] bool isTestPassed() const { return m_testPassed; }
    [[nodiscard]] QString testText() const { return m_testText; }
    [[nodiscard]] QString errorText() const { return m_errorText; }

    /// Looks for Ollama, LM Studio, llama.cpp and vLLM on their usual loopback ports.
    Q_INVOKABLE void scan();
    /// Adds the found server as a backend.
    Q_INVOKABLE void addFound(int index);
    /// Whose key this is, by its prefix: the BackendsModel.typeInfo entry, or an empty map. Nothing
    /// is sent anywhere.
    Q_INVOKABLE static QVariantMap recognise(const QString &key);
    /// A backend to try the panel with when there is no server and no key: it answers with the
    /// question.
    Q_INVOKABLE void addEcho();
    /// Makes a client key and keeps it for the snippets, unless there is one already.
    Q_INVOKABLE void makeClientKey();
    /// Sends a streaming chat request through the gateway's own HTTP endpoint.
    Q_INVOKABLE void sendTestRequest(const QString &model);
    Q_INVOKABLE void cancelTestRequest();
    /// Forgets the client key.
    Q_INVOKABLE void finish();

    /// The key that the gateway made at its first start.
    void setClientKey(const QString &plaintext);
    /// The texts of `snippets`, as a pure function.
    [[nodiscard]] static QVariantList makeSnippets(const QString &baseUrl, const QString &key,
                                                   const QString &model);
    /// The answer text in a piece of an event stream, and what is left of an unfinished line.
    [[nodiscard]] static QString takeContent(QByteArray &buffer);

Q_SIGNALS:
    void scanChanged();
    void clientKeyChanged();
    void snippetsChanged();
    void testChanged();
    void errorChanged();
    /// A backend was added by addFound() or addEcho().
    void backendAdded(const QString &name);

private:
    struct Found
    {
        int order = 0;
        QString type;
        QString label;
        QString url;
        QStringList models;
    };

    void probe(int order, const QString &type, quint16 port);
    void addBackend(const QString &type, const QString &url, const QStringList &models);
    void setError(const QString &text);
    void testFinished();

    GatewayLink &m_link;
    BackendsModel &m_backends;
    QNetworkAccessManager m_network;
    QPointer<QNetworkReply> m_testReply;
    QByteArray m_testBuffer;
    QList<Found> m_found;
    QTimer m_scanTimer;
    int m_scanNumber = 0;
    int m_pendingProbes = 0;
    bool m_scanWhenRunning = false; ///< scan() was called before the engine ran
    bool m_scanned = false;
    bool m_testPassed = false;
    bool m_keyPending = false;
    QString m_clientKey;
    QString m_testAfterKey; ///< model of a test that waits for its key
    QString m_testText;
    QString m_errorText;
};

} // namespace tidegate
