// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/observe/knownsecrets.h"
#include "gateway/observe/redaction.h"

#include <QTest>

using namespace tidegate;

namespace {

const QByteArray kSecret = "plain words/with+odd=bytes";

} // namespace

class TestKnownSecrets : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase()
    {
        KnownSecrets::remember(Secret(kSecret));
        KnownSecrets::remember(Secret("short"));
        KnownSecrets::remember(Secret());
        KnownSecrets::remember(Secret("prefixed-secret"));
        KnownSecrets::remember(Secret("prefixed-secret-that-goes-on"));
    }

    void masksEveryForm_data()
    {
        QTest::addColumn<QByteArray>("form");
        QTest::newRow("plain") << kSecret;
        QTest::newRow("percent-encoded") << kSecret.toPercentEncoding();
        QTest::newRow("hexadecimal") << kSecret.toHex();
        QTest::newRow("HEXADECIMAL") << kSecret.toHex().toUpper();
        QTest::newRow("JSON") << QByteArray("plain words\\/with+odd=bytes");
        for (const QByteArray before : {"", "a", "ab", "Bearer "}) {
            for (const QByteArray after : {"", "x", "xy"}) {
                const QByteArray text = before + kSecret + after;
                QTest::addRow("base64 of %s_%s", before.constData(), after.constData())
                    << text.toBase64();
                QTest::addRow("base64url of %s_%s", before.constData(), after.constData())
                    << text.toBase64(QByteArray::Base64UrlEncoding |
                                     QByteArray::OmitTrailingEquals);
            }
        }
    }
    void masksEveryForm()
    {
        QFETCH(QByteArray, form);
        QByteArray text = "an error said: '" + form + "' twice: " + form;
        const qsizetype size = text.size();
        QVERIFY(KnownSecrets::mask(text));
        QCOMPARE(text.size(), size);
        // Of base64 a few characters at the ends belong to the neighbours too.
        QVERIFY(!text.contains(form.sliced(4, form.size() - 8)));
        QVERIFY(text.startsWith("an error said: '"));
        QVERIFY(text.contains("' twice: "));
        QVERIFY(text.count('*') >= 2 * (form.size() - 16));
        QVERIFY(!redacted("x " + form).contains(form.sliced(4, form.size() - 8)));
    }

    void leavesTheRest()
    {
        for (const char *text : {"", "short", "prefixed-secre", "plain words/with+odd=byte"}) {
            QByteArray copy = text;
            QVERIFY(!KnownSecrets::mask(copy));
            QCOMPARE(copy, QByteArray(text));
        }
    }

    void masksTheLongestOfTwo()
    {
        QByteArray text = "prefixed-secret-that-goes-on prefixed-secret";
        QVERIFY(KnownSecrets::mask(text));
        QCOMPARE(text, QByteArray(28, '*') + ' ' + QByteArray(15, '*'));
    }

    void masksAcrossPieces()
    {
        const QByteArray text = "{\"error\":\"" + kSecret + "\"} and " + kSecret.toHex() + '.';
        QByteArray expected = text;
        QVERIFY(KnownSecrets::mask(expected));
        for (qsizetype first = 0; first <= text.size(); ++first) {
            for (const qsizetype second : {first, first + 1, first + 20, text.size()}) {
                SecretMasker masker;
                QByteArray out;
                const qsizetype middle = qBound(first, second, text.size());
                for (const QByteArray &piece :
                     {text.first(first), text.sliced(first, middle - first), text.sliced(middle)}) {
                    out += masker.feed({piece.constData(), size_t(piece.size())});
                }
                out += masker.rest();
                QCOMPARE(out, expected);
            }
        }
        SecretMasker masker;
        QByteArray out;
        for (const char c : text) {
            out += masker.feed({&c, 1});
        }
        QCOMPARE(out + masker.rest(), expected);
    }
};

QTEST_GUILESS_MAIN(TestKnownSecrets)
#include "tst_knownsecrets.moc"
