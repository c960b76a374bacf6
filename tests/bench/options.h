// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <string>

namespace tidegate::bench {

/// The command line of a benchmark program: `--name value` for everything.
///
/// Made in main(). Prints the usage and ends the program on --help and on anything unknown.
class Options
{
public:
    /// @p defaults names every option there is.
    Options(int argc, char **argv, const char *usage, std::map<std::string, std::string> defaults);

    [[nodiscard]] const std::string &text(const std::string &name) const;
    [[nodiscard]] long number(const std::string &name) const;
    [[nodiscard]] double real(const std::string &name) const;

private:
    std::map<std::string, std::string> m_values;
};

} // namespace tidegate::bench
