import Base
import CLinux
import Linux

/// What plugins asked for on behalf of the program.
extension Child {
    /// Called in the new namespaces, while /proc is the host's: what is written there below net, fs/mqueue and the like
    /// goes to the namespaces of the process that writes.
    func setSysctls() throws(SkiffError) {
        for sysctl in plan.attributes.sysctls {
            try during("cannot set \(sysctl.name) (\(sysctl.cause.text))") { () throws(Errno) in
                let file = try open("/proc/sys/" + sysctl.path, O_WRONLY)
                try writeFully(file.raw, sysctl.value.bytes)
            }
        }
    }

    func addGroups() throws(SkiffError) {
        if plan.attributes.groups.isEmpty { return }
        let present = supplementaryGroups()
        let new = plan.attributes.groups.filter { !present.contains($0.gid) }
        guard let first = new.first else { return }
        try during("cannot add group \(first.gid) (\(first.cause.text))") { () throws(Errno) in
            try setGroups(present + new.map(\.gid))
        }
    }

    func setLimits() throws(SkiffError) {
        for limit in plan.attributes.limits {
            try during("cannot set \(limit.resource.text) (\(limit.cause.text))") { () throws(Errno) in
                guard limit.resource == .nofile else { return try limit.value.set(limit.resource) }
                // The launch needs its own until the end; then this one is given back in place of the caller's.
                var current = try ResourceLimit.current(.nofile)
                if limit.value.hard > current.hard {
                    current.hard = limit.value.hard
                    try current.set(.nofile)
                }
                Inheritance.setLimitOfDescriptors(limit.value)
            }
        }
    }

    /// Whether filters can wait until nothing else is left to be done.
    var filtersComeLast: Bool {
        plan.privileges.noNewPrivileges || plan.privileges.capabilities & (1 << UInt64(Capability.sysAdmin)) != 0
    }

    func installFilters() throws(SkiffError) {
        for filter in plan.attributes.filters {
            try during("cannot install the filter of system calls (\(filter.cause.text))") { () throws(Errno) in
                try installFilter(filter.program)
                if filter.tells && !hasFilter() { throw .notPermitted }
            }
        }
    }
}
