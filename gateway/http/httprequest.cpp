// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/http/httprequest.h"

namespace tidegate {

namespace {

constexpr char lowered(char c)
{
    return c >= 'A' && c <= 'Z' ? char(c | 0x20) : c;
}

} // namespace

bool equalsIgnoreCase(std::string_view a, std::string_view b)
{
    if (a.size() != b.size()) {
        return false;
    }
    for (size_t i = 0; i < a.size(); ++i) {
        if (a[i] != b[i] && lowered(a[i]) != lowered(b[i])) {
            return false;
        }
    }
    return true;
}

std::string_view HttpRequest::field(std::string_view name) const
{
    for (const HttpField &each : fields) {
        if (equalsIgnoreCase(each.name, name)) {
            return each.value;
        }
    }
    return {};
}

} // namespace tidegate
