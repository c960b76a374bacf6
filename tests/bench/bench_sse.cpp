// SPDX-License-Identifier: GPL-3.0-or-later
// Many concurrent streams; how long each event took from bench_upstream to here.
#include "tests/bench/answerreader.h"
#include "tests/bench/benchsocket.h"
#include "tests/bench/benchurl.h"
#include "tests/bench/options.h"
#include "tests/bench/samples.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace tidegate::bench;

namespace {

constexpr const char *kUsage =
    R"(Usage: bench_sse --url http://127.0.0.1:PORT/v1/chat/completions [options]

Opens streams side by side to a bench_upstream, directly or through a proxy on the same machine, and
prints one line of JSON: streams, ok, failed, events, expected_events, delay_p50_us, delay_p90_us,
delay_p99_us, delay_max_us, first_byte_p50_us, duration_s, events_per_s.

  --url URL       where to; http and a numeric address (required)
  --key KEY       sent as Authorization: Bearer KEY (none)
  --header FIELD  one more "Name: value" of each request (none)
  --model NAME    (bench)
  --streams N     at the same time (50)
  --events N      of each stream (200)
  --rate N        events a second of each stream; 0 as fast as they go (200)
  --repeat N      streams on each connection, one after the other (1)
  --ramp-ms N     time over which the streams are started (0: a fifth of a second, at most one
                  event's interval for each)
  --body-bytes N  size of the request's body (1024)
  --timeout S     for the whole run (60)

A stream is ok when its status is 200, all of its events came and [DONE] ended it. The delay is the
time from the upstream's send to the read here. Exit status 1 when any stream failed.
)";

struct Stream
{
    int fd = -1;
    AnswerReader reader;
    std::string body;
    long events = 0;
    long round = 0;
    bool done = false;     ///< [DONE] came
    bool answered = false; ///< a byte came
    int64_t sentNs = 0;
};

class Run
{
public:
    explicit Run(const Options &options);
    int measure();

private:
    bool open(Stream &stream);
    bool begin(Stream &stream);
    void readFrom(Stream &stream);
    void readEvents(Stream &stream, int64_t now);
    void end(Stream &stream, bool good);
    void report(int64_t durationNs);

    const Options &m_options;
    const BenchUrl m_url;
    const std::string m_request;
    const long m_expected;
    const long m_repeat;
    int m_epoll = epoll_create1(EPOLL_CLOEXEC);
    std::vector<Stream> m_streams;
    Samples m_delays;
    Samples m_firstBytes;
    long m_running = 0;
    long m_ok = 0;
    long m_failed = 0;
    long m_events = 0;
};

Run::Run(const Options &options)
    : m_options(options)
    , m_url(parseUrl(options.text("url")))
    , m_request(chatRequest(m_url, options.text("key"), options.text("header"),
                            options.text("model"), size_t(options.number("body-bytes")),
                            R"(,"stream":true,"bench_events":)" + options.text("events") +
                                R"(,"bench_rate":)" + options.text("rate")))
    , m_expected(options.number("events"))
    , m_repeat(options.number("repeat"))
    , m_streams(size_t(options.number("streams")))
{
}

bool Run::open(Stream &stream)
{
    stream.fd = connectTo(m_url);
    if (stream.fd < 0) {
        return false;
    }
    epoll_event event = {};
    event.events = EPOLLIN;
    event.data.ptr = &stream;
    epoll_ctl(m_epoll, EPOLL_CTL_ADD, stream.fd, &event);
    return true;
}

bool Run::begin(Stream &stream)
{
    stream.reader.restart();
    stream.body.clear();
    stream.events = 0;
    stream.done = false;
    stream.answered = false;
    ++stream.round;
    stream.sentNs = nowNs();
    return send(stream.fd, m_request.data(), m_request.size(), MSG_NOSIGNAL) ==
           ssize_t(m_request.size());
}

int Run::measure()
{
    const int64_t start = nowNs();
    const int64_t limit = start + int64_t(m_options.real("timeout") * 1e9);
    // Spread, so that not all streams send in the same instants for the rest of the run.
    int64_t rampNs = m_options.number("ramp-ms") * 1'000'000;
    if (rampNs == 0) {
        const double rate = m_options.real("rate");
        const double interval = rate > 0 ? 1e9 / rate : 0;
        rampNs = int64_t(std::min(2e8, interval * double(m_streams.size())));
    }
    size_t started = 0;
    int64_t now = start;
    while (now < limit && (started < m_streams.size() || m_running > 0)) {
        while (started < m_streams.size() &&
               now - start >=
                   int64_t(double(rampNs) * double(started) / double(m_streams.size()))) {
            Stream &stream = m_streams[started++];
            ++m_running;
            if (!open(stream) || !begin(stream)) {
                end(stream, false);
            }
        }
        epoll_event events[256];
        const int waitMs = started < m_streams.size() ? 0 : 100;
        const int count = epoll_wait(m_epoll, events, 256, waitMs);
        for (int i = 0; i < count; ++i) {
            readFrom(*static_cast<Stream *>(events[i].data.ptr));
        }
        now = nowNs();
    }
    m_failed += m_running + long(m_streams.size() - started); // what the time-out cut off
    report(now - start);
    return m_failed == 0 ? 0 : 1;
}

void Run::readFrom(Stream &stream)
{
    char buffer[65536];
    const ssize_t size = recv(stream.fd, buffer, sizeof buffer, 0);
    const int64_t now = nowNs();
    if (size < 0 && errno == EAGAIN) {
        return;
    }
    if (!stream.answered && size > 0) {
        stream.answered = true;
        m_firstBytes.add(now - stream.sentNs);
    }
    const AnswerReader::State state =
        size > 0 ? stream.reader.add({buffer, size_t(size)}, stream.body) : stream.reader.finish();
    readEvents(stream, now);
    if (state == AnswerReader::State::Done) {
        end(stream, stream.reader.status() == 200 && stream.done && stream.events == m_expected);
    } else if (state == AnswerReader::State::Broken) {
        end(stream, false);
    }
}

void Run::readEvents(Stream &stream, int64_t now)
{
    constexpr std::string_view kMark = "\"content\":\"@";
    size_t at = 0;
    for (;;) {
        const size_t lineEnd = stream.body.find('\n', at);
        if (lineEnd == std::string::npos) {
            break;
        }
        const std::string_view line(stream.body.data() + at, lineEnd - at);
        at = lineEnd + 1;
        if (line.starts_with("data: [DONE]")) {
            stream.done = true;
        } else if (const size_t mark = line.find(kMark); mark != std::string_view::npos) {
            int64_t sentNs = 0;
            const std::string_view digits = line.substr(mark + kMark.size());
            std::from_chars(digits.data(), digits.data() + digits.size(), sentNs);
            m_delays.add(now - sentNs);
            ++stream.events;
            ++m_events;
        }
    }
    stream.body.erase(0, at);
}

void Run::end(Stream &stream, bool good)
{
    good ? ++m_ok : ++m_failed;
    if (good && stream.round < m_repeat && begin(stream)) {
        return;
    }
    if (stream.fd >= 0) {
        close(stream.fd);
        stream.fd = -1;
    }
    --m_running;
}

void Run::report(int64_t durationNs)
{
    m_delays.sort();
    m_firstBytes.sort();
    const double seconds = double(durationNs) / 1e9;
    std::printf("{\"streams\":%zu,\"ok\":%ld,\"failed\":%ld,\"events\":%ld,"
                "\"expected_events\":%ld,\"delay_p50_us\":%.1f,\"delay_p90_us\":%.1f,"
                "\"delay_p99_us\":%.1f,\"delay_max_us\":%.1f,\"first_byte_p50_us\":%.1f,"
                "\"duration_s\":%.3f,\"events_per_s\":%.1f}\n",
                m_streams.size(), m_ok, m_failed, m_events,
                m_expected * m_repeat * long(m_streams.size()), m_delays.quantileUs(0.5),
                m_delays.quantileUs(0.9), m_delays.quantileUs(0.99), m_delays.quantileUs(1),
                m_firstBytes.quantileUs(0.5), seconds, double(m_events) / seconds);
}

} // namespace

int main(int argc, char **argv)
{
    const Options options(argc, argv, kUsage,
                          {{"url", ""},
                           {"key", ""},
                           {"header", ""},
                           {"model", "bench"},
                           {"streams", "50"},
                           {"events", "200"},
                           {"rate", "200"},
                           {"repeat", "1"},
                           {"ramp-ms", "0"},
                           {"body-bytes", "1024"},
                           {"timeout", "60"}});
    raiseDescriptorLimit();
    Run run(options);
    return run.measure();
}
