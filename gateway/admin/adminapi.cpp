// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/admin/adminapi.h"

#include "gateway/admin/backendsresource.h"
#include "gateway/admin/configroutes.h"
#include "gateway/engine/gateway.h"

namespace tidegate {

class AdminApi::Private
{
public:
    Private(Gateway &gatewayToUse, SecretSource *secrets)
        : gateway(gatewayToUse)
        , backends(gateway, secrets)
        , config(gateway)
    {
        backends.addRoutes(router);
        config.addRoutes(router);
    }

    Gateway &gateway;
    AdminRouter router;
    BackendsResource backends;
    ConfigRoutes config;
};

AdminApi::AdminApi(Gateway &gateway, SecretSource *secrets, QObject *parent)
    : QObject(parent)
    , d(std::make_unique<Private>(gateway, secrets))
{
    gateway.setAdminHandler([self = d.get()](const AdminRequest &request) {
        if (!self->gateway.config()) {
            request.reply->sendError({503, "starting", "Tidegate is starting.", {}});
            return;
        }
        self->router.handle(request);
    });
}

AdminApi::~AdminApi()
{
    d->gateway.setAdminHandler({});
}

const std::vector<AdminRouter::Route> &AdminApi::routes() const
{
    return d->router.routes();
}

} // namespace tidegate
