package import Base
import CLinux
import Linux

/// A scope of systemd for a container that does not exist yet. Systemd makes none without a process: a helper is in it, aside
/// from where the container comes, until the container is.
package final class HeldScope {
    /// The cgroup of the scope.
    package let directory: String
    private let holder: pid_t
    /// The helper's input ends when nobody has this.
    private let hold: CInt

    /// Where a helper waits, in the cgroup of the scope.
    package static let aside = "aside"
    /// What a helper answers before the name of its cgroup, or before the reason why there is none.
    package static let (made, failed) = (UInt8(ascii: "M"), UInt8(ascii: "F"))

    /// - Parameters:
    ///   - unit: `NAME.scope`.
    ///   - slice: in which it lies.
    /// - Throws: where systemd does not make it.
    package init(_ unit: String, in slice: String, _ installation: Installation) throws(SkiffError) {
        guard let place = CgroupHost.look().unifiedPlace else {
            throw SkiffError(
                "cannot have systemd make \(unit): this host has no cgroups of version 2, or others beside them",
                hint: "Boot with systemd.unified_cgroup_hierarchy=1, or leave --systemd-cgroup out")
        }
        guard SystemdScope.isThere else {
            throw SkiffError(
                "cannot have systemd make \(unit): systemd does not run here",
                hint: "Leave --systemd-cgroup out: podman --cgroup-manager=cgroupfs")
        }
        let started: (pid: pid_t, hold: CInt, answer: [UInt8])
        do throws(Errno) {
            started = try Self.start(unit, slice, installation)
        } catch {
            throw SkiffError("cannot start \(installation.imageTool)", errno: error)
        }
        (holder, hold) = (started.pid, started.hold)
        let text = String(bytes: started.answer.dropFirst())
        directory = place.top + text
        guard started.answer.first == Self.made, text.hasPrefix("/"), lastComponent(text) == unit else {
            release()
            throw SkiffError(
                started.answer.first == Self.failed
                    ? text : "cannot have systemd make \(unit): the helper is in \(text.isEmpty ? "no cgroup" : text)")
        }
    }

    private static func start(_ unit: String, _ slice: String, _ installation: Installation) throws(Errno) -> (
        pid: pid_t, hold: CInt, answer: [UInt8]
    ) {
        let answer = try makePipe()
        let ours = OwnedFD(adopting: answer.first)
        let theirs = OwnedFD(adopting: answer.second)
        let waiting = try makePipe()
        let theirEnd = OwnedFD(adopting: waiting.first)
        let hold = OwnedFD(adopting: waiting.second)
        let pid = try spawn(
            installation.imageTool, ["skiff-image", "__hold", unit, slice], environment: environmentWithoutKeys(),
            descriptors: [(FetchAnswer.descriptor, theirs.raw), (4, theirEnd.raw)], deathSignal: SIGTERM)
        try theirs.close()
        return (pid, hold.release(), (try? readToEnd(ours.raw, limit: 1 << 16)) ?? [])
    }

    /// Ends the helper. The scope stays as long as a container is in it.
    package func release() {
        guard !isReleased else { return }
        isReleased = true
        _ = close(hold)
        try? sendSignal(SIGKILL, to: holder)
        _ = try? waitFor(holder)
        _ = CgroupRecord.remove(directory + "/" + Self.aside, patience: 100)
    }
    private var isReleased = false

    deinit { release() }
}

extension CgroupHost.Place {
    /// Where names of cgroups begin.
    package var top: String {
        directory.hasSuffix(name) && name != "/" ? String(directory.dropLast(name.utf8.count)) : directory
    }
}
