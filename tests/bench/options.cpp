// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/bench/options.h"

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace tidegate::bench {

Options::Options(int argc, char **argv, const char *usage,
                 std::map<std::string, std::string> defaults)
    : m_values(std::move(defaults))
{
    for (int i = 1; i < argc; i += 2) {
        const std::string_view name = argv[i];
        if (name == "--help" || name == "-h") {
            std::fputs(usage, stdout);
            std::exit(0);
        }
        const auto place =
            name.starts_with("--") ? m_values.find(std::string(name.substr(2))) : m_values.end();
        if (place == m_values.end() || i + 1 >= argc) {
            std::fprintf(stderr, "unknown option or missing value: %s\n\n%s", argv[i], usage);
            std::exit(2);
        }
        place->second = argv[i + 1];
    }
}

const std::string &Options::text(const std::string &name) const
{
    return m_values.at(name);
}

long Options::number(const std::string &name) const
{
    return std::strtol(text(name).c_str(), nullptr, 10);
}

double Options::real(const std::string &name) const
{
    return std::strtod(text(name).c_str(), nullptr);
}

} // namespace tidegate::bench
