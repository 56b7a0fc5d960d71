package import Base
package import Core
import Linux
import PluginAPI

/// Names of devices, as `--device` gives them, and the plugins that know what they stand for (`skiff.devices/1`).
enum DeviceNames {
    /// Asks each plugin for each name, until one takes it. What it adds stands in the plan.
    /// - Throws: for a name that nobody knows.
    static func add(to draft: inout PlanDraft, _ sessions: [Session]) throws(SkiffError) {
        guard let request = sessions.first?.facts.request else { return }
        for name in request.devices {
            var isTaken = false
            for session in sessions where !isTaken {
                isTaken = try ask(session, for: name, request.deviceDirectories, &draft)
            }
            if !isTaken { throw unserved(name) }
        }
    }

    /// - Returns: whether the plugin took the name.
    static func ask(_ session: Session, for name: String, _ directories: [String], _ draft: inout PlanDraft)
        throws(SkiffError) -> Bool
    {
        guard let add = session.plugin.devices.add else { return false }
        let station = "--device \(name)"
        let status = try session.during(.mounts, &draft) { () throws(SkiffError) in
            try withRequest(name, directories) { asked throws(SkiffError) in
                try session.plugin.call(station) { add(session.plugin.object, session.pointer, asked) }
            }
        }
        try session.plugin.manifest.lookAtProcess(after: station)
        return status == SKIFF_OK
    }

    static func unserved(_ name: String) -> SkiffError {
        SkiffError(
            "cannot use device \(name): no plugin that is installed and enabled knows it",
            hint: "'plugin devices' lists the devices that plugins know")
    }

    /// Returns what a plugin would take, in its order.
    static func list(_ session: Session, _ directories: [String]) throws(SkiffError) -> [String] {
        guard let list = session.plugin.devices.list else { return [] }
        var names: [String] = []
        _ = try withUnsafeMutablePointer(to: &names) { names throws(SkiffError) in
            try withRequest(nil, directories) { asked throws(SkiffError) in
                try session.plugin.call("list of devices") {
                    list(
                        session.plugin.object, session.pointer, asked,
                        { context, name in
                            guard let name = text(name) else { return }
                            context?.assumingMemoryBound(to: [String].self).pointee.append(name)
                        }, names)
                }
            }
        }
        return names
    }

    /// Lends a request for one call.
    /// - Parameter name: NULL for the plugin when it is nil.
    private static func withRequest(
        _ name: String?, _ directories: [String],
        _ body: (UnsafePointer<skiff_device_request>) throws(SkiffError) -> Int32
    ) throws(SkiffError) -> Int32 {
        let texts = CStringArray([name ?? ""] + directories)
        return try texts.withPointer { pointers throws(SkiffError) in
            try (pointers + 1).withMemoryRebound(to: UnsafePointer<CChar>?.self, capacity: directories.count + 1) {
                list throws(SkiffError) in
                var request = skiff_device_request(
                    struct_size: UInt32(MemoryLayout<skiff_device_request>.size),
                    directory_count: UInt32(directories.count),
                    name: name == nil ? nil : UnsafePointer(pointers[0]), directories: list)
                return try withUnsafePointer(to: &request) { pointer throws(SkiffError) in try body(pointer) }
            }
        }
    }
}

extension InstalledPlugins {
    /// Returns the names of the devices that enabled plugins know, each with the plugin's id, in order. Returns in a process of
    /// its own.
    /// - Parameter directories: of CDI specifications; none: the plugins' own.
    package func devices(_ directories: [String], _ settings: Settings, _ installation: Installation)
        throws(SkiffError) -> [(name: String, plugin: String)]
    {
        let manifests = enabled.filter { $0.extensions.contains(SKIFF_EXT_DEVICES) }
        if manifests.isEmpty { return [] }
        _ = try PluginGuard.start(manifests.map(\.id), standsForProgram: true)
        var found: [(name: String, plugin: String)] = []
        for manifest in manifests {
            var facts = SessionFacts(request: Request(action: .exec, image: ""), installation: installation)
            facts.configuration = Self.configuration(settings, [manifest])
            facts.isPrivileged = Trust.ofThisProcess.isPrivileged
            let session = Session(plugin: try Loader(directory: directory).load(manifest), facts: facts)
            found += try session.during(.configure) { () throws(SkiffError) in
                try DeviceNames.list(session, directories).map { ($0, manifest.id) }
            }
        }
        return found
    }
}
