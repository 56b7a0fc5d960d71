import Base
import CLinux
import Core
import Linux

/// A program that is started in a container.
struct Entry {
    private let configuration: BundleConfiguration
    private let record: ContainerRecord
    private let first: ContainerRecord.Process
    private let installation: Installation

    init(
        _ configuration: BundleConfiguration, _ record: ContainerRecord, _ first: ContainerRecord.Process,
        _ installation: Installation
    ) {
        (self.configuration, self.record) = (configuration, record)
        (self.first, self.installation) = (first, installation)
    }

    func run(_ id: String, _ process: BundleProcess, _ connections: BundleRuntime.Connections) throws(SkiffError)
        -> pid_t
    {
        var plan = BundlePlan.plan(of: process)
        try connections.connect(process, &plan)
        if let profile = configuration.seccomp {
            plan.attributes.filters.append(try Creation.filter(profile, process, installation))
        }
        let cgroup = record.cgroups.isEmpty ? nil : try NamedCgroup(entering: record.cgroups)
        let namespaces = try during(
            "cannot enter container \(id)",
            // The memory of a process of ours is closed, and with it what leads to its namespaces.
            hint: "Before it is started, only root can enter it"
        ) { () throws(Errno) in
            let directory = try open("/proc/\(first.pid)", O_RDONLY | O_DIRECTORY)
            // Whatever has the number now, the directory is that of one process.
            guard first.isRunning else { throw .noSuchProcess }
            return try ContainerNamespaces.open(differingAt: directory.raw)
        }
        let launcher = Launcher(plan: plan, plugins: NoPlugins(), installation: installation, isStep: false)
        let started = try launcher.enterBundle(namespaces, in: cgroup)
        let pid = started.pid
        try started.follow(
            .init(
                maps: { () throws(SkiffError) in }, hooks: { () throws(SkiffError) in [] },
                ready: { () throws(SkiffError) in
                    try connections.writePid(pid)
                    return []
                }))
        return pid
    }
}
