import Base
import CLinux
import Linux

/// A cgroup that this process has made for a container, and removes again.
///
/// What is made is written down before, so that another command removes it when this one was killed. Nothing that somebody
/// else made is written to, but for version 2's list of controllers in the cgroup above, which is this command's alone then.
final class MadeCgroup {
    private let plan: PlannedCgroup
    private let name: String
    private var record: CgroupRecord?
    /// The directories that were made, in order.
    private var made: [String] = []
    /// Version 2: where this command's own processes had to make room.
    private var room: (place: CgroupHost.Place, directory: String)?
    private(set) var entrances = CgroupEntrances()

    /// Makes the cgroup, sets its limits, and reads them back.
    /// - Throws: when one of them cannot be set; nothing is left then.
    init(_ plan: PlannedCgroup) throws(SkiffError) {
        self.plan = plan
        name = "skiff-\(processID())-\(startTime(of: processID()) ?? 0)"
        do throws(SkiffError) {
            try make()
        } catch {
            remove()
            throw error
        }
    }

    deinit { closeEntrances() }

    private func make() throws(SkiffError) {
        record = try CgroupRecord(
            plan.places.flatMap { place in
                let directory = directory(place)
                return place.version == .one
                    ? [directory] : [deviceDirectory(place), directory, directory + Self.aside]
            },
            enabling: plan.places.filter { $0.version == .two && !$0.isRoot && !missing($0).isEmpty }.map {
                ($0.directory + "/cgroup.subtree_control", missing($0))
            })
        for place in plan.places {
            if place.version == .two { try enableControllers(place) }
            try makeDirectory(directory(place))
            if place.version == .one && place.controllers.contains("cpuset") { try inheritProcessors(place) }
            try open(place)
        }
        for setting in plan.settings { try set(setting) }
        try limitDevices()
    }

    private func directory(_ place: CgroupHost.Place) -> String { place.directory + "/" + name }

    /// Version 2: below the cgroup of a container, for what the start itself must not be kept from.
    private func deviceDirectory(_ place: CgroupHost.Place) -> String {
        directory(place) + "/" + name + Self.deviceEnding
    }
    static let deviceEnding = ".devices"

    private func open(_ place: CgroupHost.Place) throws(SkiffError) {
        let entrance = try entrance(directory(place))
        if place.version == .one && place.has("devices") && !plan.deviceRules.isEmpty {
            entrances.late.append(entrance)
            return
        }
        entrances.early.append(entrance)
        guard place.version == .two else { return }
        entrances.birthplace = try? Linux.open(directory(place), O_RDONLY | O_DIRECTORY).release()
        entrances.birthplaceEntrance = entrance
    }

    private func entrance(_ directory: String) throws(SkiffError) -> CInt {
        try during("cannot open the cgroup \(directory)") { () throws(Errno) in
            try Linux.open(directory + "/cgroup.procs", O_WRONLY).release()
        }
    }

    private func makeDirectory(_ path: String) throws(SkiffError) {
        try during("cannot make the cgroup \(path)") { () throws(Errno) in try Linux.makeDirectory(path) }
        made.append(path)
    }

    // MARK: - limits

    private func set(_ setting: CgroupSetting) throws(SkiffError) {
        guard let place = plan.places.first(where: { $0.has(setting.controller) }) else { return }
        try setting.write(to: directory(place))
    }

    private func text(_ path: String) -> String { String(bytes: (try? readFile(path, limit: 1 << 16)) ?? []) }

    private func limitDevices() throws(SkiffError) {
        let rules = plan.deviceRules
        guard let first = plan.limits.first(where: { $0.name == .device }) else { return }
        guard let place = plan.places.first(where: { $0.has("devices") }) else { return try attach(rules, first) }
        try DeviceRule.write(rules, first, to: directory(place))
    }

    private func attach(_ rules: [DeviceRule], _ first: CgroupLimit) throws(SkiffError) {
        guard let place = plan.places.first(where: { $0.version == .two }) else { return }
        try makeDirectory(deviceDirectory(place))
        entrances.late.append(try entrance(deviceDirectory(place)))
        try DeviceRule.attach(rules, first, to: deviceDirectory(place))
    }

    /// A cpuset of version 1 begins empty, and nobody can enter it then; cpusets(7).
    private func inheritProcessors(_ place: CgroupHost.Place) throws(SkiffError) {
        for file in ["cpuset.cpus", "cpuset.mems"] {
            let from = place.directory + "/" + file
            try during("cannot pass \(from) on") { () throws(Errno) in
                let value = try readFile(from, limit: 1 << 16)
                try writeControl("\(directory(place))/\(file)", String(bytes: value))
            }
        }
    }

    // MARK: - room in version 2

    /// Where the room is that this command's processes move to: no process may be beside cgroups with controllers;
    /// cgroups(7), "no internal processes".
    private static let aside = ".aside"

    private func missing(_ place: CgroupHost.Place) -> [String] {
        plan.controllers.filter { !place.enabled.contains($0) }
    }

    private func enableControllers(_ place: CgroupHost.Place) throws(SkiffError) {
        let missing = missing(place)
        if missing.isEmpty { return }
        let own = OwnProcesses()
        if !place.isRoot && !own.members(of: place.directory).isEmpty {
            if let stranger = own.strangers(in: place.directory).first {
                throw SkiffError(
                    "cannot make a cgroup below \(place.directory): process \(stranger) has come into it")
            }
            let directory = place.directory + "/" + name + Self.aside
            try makeDirectory(directory)
            room = (place, directory)
            try move(from: place.directory, to: directory)
        }
        let file = place.directory + "/cgroup.subtree_control"
        try during("cannot enable \(missing.joined(separator: ", ")) in \(file)") { () throws(Errno) in
            try writeControl(file, missing.map { "+" + $0 }.joined(separator: " "))
        }
    }

    private func move(from place: String, to directory: String) throws(SkiffError) {
        for pid in OwnProcesses().members(of: place) {
            do throws(Errno) {
                try writeControl(directory + "/cgroup.procs", String(pid))
            } catch {
                if error != .noSuchProcess {
                    throw SkiffError("cannot move process \(pid) to the cgroup \(directory)", errno: error)
                }
            }
        }
    }

    // MARK: - the end

    func closeEntrances() {
        for descriptor in entrances.descriptors { _ = CLinux.close(descriptor) }
        entrances = CgroupEntrances()
    }

    /// Gives the entrances away to who lets others in.
    func handOver() -> CgroupEntrances {
        var given = entrances
        entrances = CgroupEntrances()
        if let birthplace = given.birthplace { _ = CLinux.close(birthplace) }
        (given.birthplace, given.birthplaceEntrance) = (nil, nil)
        return given
    }

    /// Says why a program was killed, where the kernel did it for a limit.
    func tell(of status: ExitStatus) {
        guard status.code == 128 + SIGKILL, let limit = plan.limits.first(where: { $0.name == .memory }), lackedMemory
        else { return }
        Log.warning("The kernel has killed a process that needed more memory than \(limit.text)")
    }

    private var lackedMemory: Bool {
        guard let place = plan.places.first(where: { $0.has("memory") }) else { return false }
        let text = text(directory(place) + (place.version == .two ? "/memory.events" : "/memory.oom_control"))
        return text.split(separator: "\n").contains { line in
            line.hasPrefix("oom_kill ") && !line.hasSuffix(" 0")
        }
    }

    /// Removes the cgroup. Where a program has left processes behind, they stay in it, and another command removes it later.
    func remove() {
        closeEntrances()
        // Children of a program that was killed end a moment later. While they are there, nothing new can enter a cgroup
        // in which this command had to make room.
        let patience: Int64 = room == nil ? 20 : 1000
        var isGone = true
        for directory in made.reversed() where directory != room?.directory {
            isGone = CgroupRecord.remove(directory, patience: patience) && isGone
        }
        if isGone, let room {
            // What was enabled for this command is its own affair, and goes with it.
            let file = room.place.directory + "/cgroup.subtree_control"
            for name in missing(room.place) { try? writeControl(file, "-" + name) }
            try? move(from: room.directory, to: room.place.directory)
            isGone = CgroupRecord.remove(room.directory, patience: 0)
        }
        if isGone { record?.forget() }
    }
}

extension CgroupHost.Place {
    func has(_ controller: String) -> Bool {
        controllers.contains(version == .one && controller == "io" ? "blkio" : controller)
    }
}
