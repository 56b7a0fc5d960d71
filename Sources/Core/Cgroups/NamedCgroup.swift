package import Base
package import CLinux
import Linux

/// The cgroup of a bundle's container, in every hierarchy: its name is given, and it stays until the container is deleted.
package final class NamedCgroup {
    /// The cgroup in one hierarchy.
    package struct Place: Sendable {
        package let directory: String
        /// The name of the directory where the hierarchy is mounted: `cpu,cpuacct`.
        package let name: String
        package let isOfVersionTwo: Bool
    }

    package private(set) var places: [Place] = []
    /// Its directories, one for each hierarchy.
    package var directories: [String] { places.map(\.directory) }
    /// All directories that were made, in order.
    package private(set) var made: [String] = []
    private(set) var entrances = CgroupEntrances()

    /// A hierarchy, with the directory in which names begin.
    private struct Hierarchy {
        var place: CgroupHost.Place
        let base: String
        let name: String
    }

    /// Makes the cgroup, sets its limits, and reads them back.
    /// - Parameters:
    ///   - path: absolute from the top of each hierarchy, else from where this process is.
    /// - Returns: nil without limits and without the right to make it.
    /// - Throws: where it exists already and is in use, or a limit cannot be set; nothing is left then.
    package convenience init?(_ path: String, _ limits: [CgroupLimit]) throws(SkiffError) {
        try self.init(
            absolutePath(path, in: "/"), in: Self.hierarchies(isAbsolute: path.hasPrefix("/")), limits)
    }

    /// The one of a container in a scope of systemd. It lies below that of the scope, whose files are systemd's to write.
    package convenience init?(in scope: HeldScope, _ limits: [CgroupLimit]) throws(SkiffError) {
        let place = CgroupHost.Place(
            version: .two, directory: scope.directory, name: lastComponent(scope.directory),
            controllers: Self.words(scope.directory + "/cgroup.controllers"), isWritable: true)
        try self.init("/container", in: [Hierarchy(place: place, base: scope.directory, name: "cgroup")], limits)
    }

    private init?(_ name: String, in hierarchies: [Hierarchy], _ limits: [CgroupLimit]) throws(SkiffError) {
        do throws(SkiffError) {
            let host = CgroupHost(places: hierarchies.map(\.place))
            let settings = try CgroupConversion(limits, on: host).settings()
            for hierarchy in hierarchies {
                let needed = settings.filter { hierarchy.place.has($0.controller) }
                do throws(SkiffError) {
                    try make(hierarchy, name, needed.map(\.controller))
                } catch {
                    // Where nothing is limited, nothing is lost. Others may have their cgroups there.
                    guard needed.isEmpty, error.errno != nil else { throw error }
                    Log.verbose("\(error)")
                    continue
                }
                for setting in needed { try setting.write(to: hierarchy.base + name) }
            }
            try limitDevices(limits, hierarchies, name)
            try open()
        } catch {
            remove()
            throw error
        }
        if directories.isEmpty { return nil }
    }

    /// One that exists, for a process that enters it.
    package init(entering directories: [String]) throws(SkiffError) {
        places = directories.map { Place(directory: $0, name: "", isOfVersionTwo: false) }
        try open()
    }

    deinit { for entrance in entrances.early { _ = close(entrance) } }

    private static func hierarchies(isAbsolute: Bool) -> [Hierarchy] {
        CgroupHost.look().places.map { place in
            var place = place
            let top = place.top
            let base = isAbsolute ? top : place.directory
            if place.version == .two { place.controllers = words(base + "/cgroup.controllers") }
            place.directory = base
            return Hierarchy(place: place, base: base, name: lastComponent(top))
        }
    }

    private static func words(_ file: String) -> [String] {
        String(bytes: (try? readFile(file, limit: 4096)) ?? []).split { $0 == " " || $0 == "\n" }.map(String.init)
    }

    private func make(_ hierarchy: Hierarchy, _ name: String, _ needed: [String]) throws(SkiffError) {
        var directory = hierarchy.base
        let names = name.split(separator: "/")
        for (index, part) in names.enumerated() {
            if hierarchy.place.version == .two { try enable(needed, hierarchy, in: directory) }
            let above = directory
            directory += "/" + part
            do throws(Errno) {
                try makeDirectory(directory)
                made.append(directory)
            } catch {
                guard error == .exists else { throw SkiffError("cannot make the cgroup \(directory)", errno: error) }
                if index == names.count - 1, !OwnProcesses.none.members(of: directory).isEmpty {
                    throw SkiffError("cannot use the cgroup \(directory): processes are in it")
                }
            }
            if hierarchy.place.has("cpuset"), hierarchy.place.version == .one { try inherit(from: above, directory) }
        }
        places.append(
            Place(directory: directory, name: hierarchy.name, isOfVersionTwo: hierarchy.place.version == .two))
    }

    /// Version 2: those that are needed, and those that only count where they can be had.
    private func enable(_ needed: [String], _ hierarchy: Hierarchy, in directory: String) throws(SkiffError) {
        let file = directory + "/cgroup.subtree_control"
        let enabled = Self.words(file)
        for name in hierarchy.place.controllers where !enabled.contains(name) {
            do throws(Errno) {
                try writeControl(file, "+" + name)
            } catch {
                guard needed.contains(name) else { continue }
                throw SkiffError(
                    "cannot enable the controller \(name) in \(file)", errno: error,
                    hint: error == .busy ? "Processes are in the cgroup above: name another one as cgroupsPath" : nil)
            }
        }
    }

    /// A cpuset of version 1 begins empty, and nobody can enter it then; cpusets(7).
    private func inherit(from above: String, _ directory: String) throws(SkiffError) {
        for file in ["cpuset.cpus", "cpuset.mems"] where Self.words(directory + "/" + file).isEmpty {
            try during("cannot pass \(above)/\(file) on") { () throws(Errno) in
                try writeControl(
                    directory + "/" + file, String(bytes: try readFile(above + "/" + file, limit: 1 << 16)))
            }
        }
    }

    private func limitDevices(_ limits: [CgroupLimit], _ hierarchies: [Hierarchy], _ name: String) throws(SkiffError) {
        guard let first = limits.first(where: { $0.name == .device }) else { return }
        let rules = limits.compactMap { $0.name == .device ? DeviceRule($0) : nil }
        if let place = hierarchies.first(where: { $0.place.has("devices") }) {
            guard directories.contains(place.base + name) else {
                throw CgroupAdvice.refusal(first, "the cgroup \(place.base)\(name) cannot be made")
            }
            return try DeviceRule.write(rules, first, to: place.base + name)
        }
        guard let place = hierarchies.first(where: { $0.place.version == .two }),
            directories.contains(place.base + name)
        else { throw CgroupAdvice.refusal(first, "there is no cgroup for it") }
        try DeviceRule.attach(rules, first, to: place.base + name)
    }

    private func open() throws(SkiffError) {
        for directory in directories {
            let path = directory + "/cgroup.procs"
            try during("cannot open the cgroup \(directory)") { () throws(Errno) in
                entrances.early.append(try Linux.open(path, O_WRONLY).release())
            }
        }
    }

    private func remove() { Self.remove(made) }

    /// Removes cgroups that a container had; those that others use stay.
    package static func remove(_ made: [String]) {
        for directory in made.reversed() { _ = CgroupRecord.remove(directory, patience: 500) }
    }

    /// Changes limits of a container that runs, and reads them back.
    /// - Parameters:
    ///   - pid: a process of the container.
    ///   - directories: its cgroups.
    /// - Throws: where one cannot be set; those before it stay changed.
    package static func change(_ limits: [CgroupLimit], of pid: pid_t, in directories: [String]) throws(SkiffError) {
        let places = try members(pid).filter { directories.contains($0.directory) }.map { member in
            CgroupHost.Place(
                version: member.version, directory: member.directory, name: member.name,
                controllers: member.version == .one
                    ? member.controllers : words(member.directory + "/cgroup.controllers"), isWritable: true)
        }
        for setting in try CgroupConversion(limits, on: CgroupHost(places: places)).settings() {
            guard let place = places.first(where: { $0.has(setting.controller) }) else { continue }
            try setting.write(to: place.directory)
        }
    }

    private static func members(_ pid: pid_t) throws(SkiffError) -> [CgroupMembership] {
        try during("cannot find the cgroups of process \(pid)") { () throws(Errno) in
            CgroupMembership.all(
                try readFile("/proc/\(pid)/cgroup", limit: 1 << 16),
                mounts: try readFile("/proc/self/mountinfo", limit: 1 << 22))
        }
    }

    /// Returns the content of a file of a controller, among the cgroups of a container; nil where there is none.
    package static func text(_ file: String, in directories: [String]) -> String? {
        for directory in directories {
            if let bytes = try? readFile(directory + "/" + file, limit: 1 << 20) { return String(bytes: bytes) }
        }
        return nil
    }

    /// Returns the processes in a cgroup and below it.
    package static func processes(in directories: [String]) -> [pid_t] {
        var found: Set<pid_t> = []
        for directory in directories {
            var folders = [directory]
            while let folder = folders.popLast() {
                found.formUnion(OwnProcesses.none.members(of: folder))
                guard let opened = try? Linux.open(folder, O_RDONLY | O_DIRECTORY),
                    let names = try? entries(of: opened.raw)
                else { continue }
                // DT_DIR of readdir(3).
                folders += names.filter { $0.type == 4 }.map { folder + "/" + $0.text }
            }
        }
        return found.sorted()
    }

    /// Stops all processes of a cgroup, or lets them go on; cgroups(7), freezer.
    /// - Throws: where no freezer is among the hierarchies.
    package static func freeze(_ directories: [String], _ isFrozen: Bool) throws(SkiffError) {
        for (file, words) in [("cgroup.freeze", ["0", "1"]), ("freezer.state", ["THAWED", "FROZEN"])] {
            guard let directory = directories.first(where: { isAccessible($0 + "/" + file, W_OK) }) else { continue }
            let path = directory + "/" + file
            try during("cannot \(isFrozen ? "pause" : "resume") the container: \(path)") { () throws(Errno) in
                try writeControl(path, words[isFrozen ? 1 : 0])
                for _ in 0..<500 {
                    if Self.isFrozen(directories) == isFrozen { return }
                    pause(milliseconds: 2)
                }
                throw Errno(ETIMEDOUT)
            }
            return
        }
        throw SkiffError(
            "cannot \(isFrozen ? "pause" : "resume") the container: it has no cgroup with a freezer",
            hint: "It needs one of its own: run it as root, or where cgroups are delegated")
    }

    package static func isFrozen(_ directories: [String]) -> Bool {
        directories.contains { directory in
            if words(directory + "/freezer.state") == ["FROZEN"] { return true }
            let events = words(directory + "/cgroup.events")
            guard let index = events.firstIndex(of: "frozen"), index + 1 < events.count else { return false }
            return events[index + 1] == "1"
        }
    }
}
