// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/base/glob.h"
#include "gateway/protocol/toolsupport.h"

#include <QTest>

using namespace tidegate;

namespace {

std::string_view view(const QByteArray &bytes)
{
    return {bytes.constData(), size_t(bytes.size())};
}

} // namespace

/// What is known of models and tools.
class TestToolSupport : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void families_data();
    void families();
    void hostedJudgeThemselves_data();
    void hostedJudgeThemselves();
    void configuredCounts();
    void everyLineCounts();
    void lookUp();
};

void TestToolSupport::families_data()
{
    QTest::addColumn<QByteArray>("model");
    QTest::addColumn<QByteArray>("parser");
    const auto row = [](const QByteArray &model, const QByteArray &parser) {
        QTest::newRow(model.constData()) << model << parser;
    };
    row("qwen2.5-7b", "hermes");
    row("Qwen/Qwen2.5-7B-Instruct", "hermes");
    row("qwen3:8b", "hermes");
    row("Qwen/Qwen3-Coder-30B-A3B-Instruct", "qwen");
    row("NousResearch/Hermes-3-Llama-3.1-8B", "hermes");
    row("NousResearch/Hermes-2-Pro-Llama-3-8B", "hermes");
    row("meta-llama/Llama-3.1-8B-Instruct", "llama3_json");
    row("meta-llama/Meta-Llama-3.1-70B-Instruct", "llama3_json");
    row("llama3.2:3b", "llama3_json");
    row("meta-llama/Llama-4-Scout-17B-16E-Instruct", "llama4_pythonic");
    row("mistralai/Mistral-7B-Instruct-v0.3", "mistral");
    row("mistral-nemo", "mistral");
    row("mistral:7b", "mistral");
    row("openai/gpt-oss-20b", "openai");
    row("deepseek-ai/DeepSeek-V3", "deepseek_v3");
    row("ibm-granite/granite-3.1-8b-instruct", "granite");
    row("/models/qwen2.5-7b-instruct-q4_k_m.gguf", "hermes");

    row("meta-llama/Meta-Llama-3-8B-Instruct", "none");
    row("llama3", "none");
    row("llama3:8b", "none");
    row("llama2:13b", "none");
    row("TinyLlama/TinyLlama-1.1B-Chat-v1.0", "none");
    row("google/gemma-2-9b-it", "none");
    row("gemma:2b", "none");
    row("microsoft/phi-2", "none");
    row("codellama:7b", "none");
    row("mistralai/Mistral-7B-Instruct-v0.2", "none");
    row("mistralai/Mixtral-8x7B-Instruct-v0.1", "none");
    row("nomic-embed-text", "none");
    row("BAAI/bge-m3", "none");
    row("Qwen/Qwen3-Embedding-0.6B", "none");
    row("Qwen/Qwen3-Reranker-4B", "none");
    row("meta-llama/Llama-Guard-3-8B", "none");
    row("openai-community/gpt2", "none");

    row("my-own-model", "");
    row("", "");
    row("/", "");
}

void TestToolSupport::families()
{
    QFETCH(const QByteArray, model);
    QFETCH(const QByteArray, parser);
    for (const char *type :
         {"vllm", "sglang", "llamacpp", "tgi", "ollama", "lmstudio", "local", "modal"}) {
        QCOMPARE(toolCallParser(type, view(model), {}), view(parser));
        QCOMPARE(supportsTools(type, view(model), {}), parser != "none");
    }
}

void TestToolSupport::hostedJudgeThemselves_data()
{
    QTest::addColumn<QByteArray>("type");
    for (const char *type : {"openai", "anthropic", "gemini", "azure", "groq", "mistral",
                             "openrouter", "echo", "noop"}) {
        QTest::newRow(type) << QByteArray(type);
    }
}

void TestToolSupport::hostedJudgeThemselves()
{
    QFETCH(const QByteArray, type);
    for (const char *model : {"gpt-4o", "llama2", "anything", ""}) {
        QVERIFY(supportsTools(view(type), model, {}));
        QCOMPARE(toolCallParser(view(type), model, {}), "native");
    }
    QVERIFY(!supportsTools(view(type), "gpt-4o", "none"));
}

void TestToolSupport::configuredCounts()
{
    QVERIFY(supportsTools("vllm", "llama2", "llama3_json"));
    QVERIFY(!supportsTools("vllm", "qwen2.5-7b", "none"));
    QCOMPARE(toolCallParser("vllm", "qwen2.5-7b", "my_parser"), "my_parser");
}

// A pattern that an earlier one hides would be a mistake in the table.
void TestToolSupport::everyLineCounts()
{
    const auto families = toolFamilies();
    QVERIFY(families.size() > 50);
    for (size_t i = 0; i < families.size(); ++i) {
        QVERIFY(!families[i].parser.empty());
        for (size_t before = 0; before < i; ++before) {
            const Glob glob(QByteArray(families[before].pattern.data(),
                                       qsizetype(families[before].pattern.size())));
            QVERIFY2(!glob.matches(families[i].pattern), families[i].pattern.data());
        }
    }
}

void TestToolSupport::lookUp()
{
    QBENCHMARK
    {
        (void)supportsTools("vllm", "meta-llama/Llama-3.1-8B-Instruct", {});
    }
}

QTEST_APPLESS_MAIN(TestToolSupport)
#include "tst_toolsupport.moc"
