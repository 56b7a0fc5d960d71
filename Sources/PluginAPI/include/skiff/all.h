/* Everything at once, for binding generators and the checker. A plugin includes what it uses. */
#ifndef SKIFF_ALL_H
#define SKIFF_ALL_H

#include "cli.h"
#include "ext/crypto.h"
#include "ext/draft/container.h"
#include "ext/devices.h"
#include "ext/draft/doctor.h"
#include "ext/draft/filesystem.h"
#include "ext/draft/image-format.h"
#include "ext/draft/network.h"
#include "ext/transport.h"
#include "host/calls.h"
#include "host/facts.h"
#include "host/image-edit.h"
#include "host/image.h"
#include "host/inside.h"
#include "host/limits.h"
#include "host/message.h"
#include "host/network.h"
#include "host/progress.h"
#include "host/run.h"
#include "host/secret.h"
#include "host/services.h"
#include "host/settings.h"
#include "host/state.h"
#include "host/undo.h"
#include "phases.h"
#include "place.h"
#include "plan.h"
#include "plugin.h"

#endif
