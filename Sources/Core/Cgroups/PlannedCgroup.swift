package import Base
import CLinux
import Linux

/// The cgroup of a container: what it limits, and where it is made.
package struct PlannedCgroup: Sendable, Equatable {
    package var limits: [CgroupLimit]
    /// One for each hierarchy that a limit needs; the new cgroups lie below them.
    var places: [CgroupHost.Place]
    var settings: [CgroupSetting]
    /// Version 2: the controllers that the new cgroup needs.
    var controllers: [String]

    /// - Throws: when this host cannot have one of the limits.
    package init(_ limits: [CgroupLimit], on host: CgroupHost) throws(SkiffError) {
        self.limits = limits
        settings = try CgroupConversion(limits, on: host).settings()
        places = []
        controllers = []
        for setting in settings {
            guard let place = host.place(of: setting.controller) else { continue }
            try add(place, setting.limit)
            if place.version == .two, !controllers.contains(setting.controller) {
                controllers.append(setting.controller)
            }
        }
        if let rule = limits.first(where: { $0.name == .device }) {
            // Version 2 has programs in the place of a controller.
            guard let place = host.place(of: "devices") ?? host.places.first(where: { $0.version == .two }) else {
                throw CgroupAdvice.refusal(rule, "there is no cgroup controller 'devices' here")
            }
            guard place.version == .one || effectiveUID() == 0 else {
                throw CgroupAdvice.refusal(rule, "with cgroups of version 2 only root limits devices")
            }
            try add(place, rule)
        }
    }

    /// That of an instance, which a program enters.
    package init?(joining limits: [CgroupLimit]) {
        if limits.isEmpty { return nil }
        (self.limits, places, settings, controllers) = (limits, [], [], [])
    }

    var isJoined: Bool { places.isEmpty }

    /// One that only counts what a container uses; nil where that takes more than to make a directory.
    package init?(countingOn host: CgroupHost) {
        (limits, settings, controllers, places) = ([], [], [], [])
        for name in ["cpuacct", "memory", "pids", "io"] {
            guard let place = host.place(of: name), CgroupAdvice.problem(place, uid: effectiveUID()) == nil else {
                continue
            }
            if place.version == .two {
                // Controllers are had where those above have them already, or where nobody has to make room.
                guard place.isRoot || place.enabled.contains(name) else { continue }
                controllers.append(name)
            }
            if !places.contains(where: { $0.directory == place.directory }) { places.append(place) }
        }
        if places.isEmpty { return nil }
    }

    private mutating func add(_ place: CgroupHost.Place, _ limit: CgroupLimit) throws(SkiffError) {
        if let problem = CgroupAdvice.problem(place, uid: effectiveUID()) {
            throw CgroupAdvice.refusal(limit, problem.fact, hint: "Help: " + problem.cure)
        }
        if !places.contains(where: { $0.directory == place.directory }) { places.append(place) }
    }

    /// The rules about devices, in order.
    var deviceRules: [DeviceRule] { limits.compactMap { $0.name == .device ? DeviceRule($0) : nil } }
}
