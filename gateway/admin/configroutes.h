// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/admin/adminrouter.h"

namespace tidegate {

class Gateway;

/// /admin/v1/config: what is in force, and reading it anew.
///
/// Lives in the main thread; owned by the AdminApi.
class ConfigRoutes
{
public:
    explicit ConfigRoutes(Gateway &gateway);

    void addRoutes(AdminRouter &router);

private:
    void show(const AdminCall &call) const;
    void reload(const AdminCall &call);

    Gateway &m_gateway;
};

} // namespace tidegate
