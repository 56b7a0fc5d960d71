import Base
import CLinux
import Core
import Linux

/// The program that runs containers of bundles: `runc` or `crun`, whichever is found first.
struct OCIRuntime {
    let path: String
    /// What the runtime keeps of its containers.
    static let state = "/run/skiff-oci/runtime"

    init(_ settings: Settings) throws(SkiffError) {
        // Root trusts no directory of a caller.
        let directories = ProgramPath(settings, own: ProgramPath.system)
        guard let found = ["runc", "crun"].firstAnswer({ directories.find($0) }) else {
            throw SkiffError(
                "cannot run containers of bundles: neither runc nor crun is installed",
                hint: "Install the Debian package runc or crun, or name its directory in skiff.conf (binary path)")
        }
        path = found
    }

    func words(_ words: [String]) -> [String] { [path, "--root", Self.state] + words }

    /// What a runtime needs of the caller's variables.
    static var environment: [String] {
        ["PATH=" + ProgramPath.system]
            + ["XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "NOTIFY_SOCKET", "TERM"].compactMap { name in
                environmentValue(name).map { "\(name)=\($0)" }
            }
    }

    /// Becomes the runtime.
    func become(_ arguments: [String]) throws(SkiffError) -> Never {
        do throws(Errno) {
            try execute(path, CStringArray(words(arguments)), CStringArray(Self.environment))
        } catch {
            throw SkiffError("cannot start \(path)", errno: error)
        }
        exit(255)
    }

    /// Runs a command of the runtime to its end; what it answers goes where ours does.
    func run(_ verb: String, _ container: OCIContainer, _ more: String...) throws(SkiffError) {
        try run([verb, container.id] + more, "cannot \(verb) container \(container.id)")
    }

    func run(_ arguments: [String], _ failure: String) throws(SkiffError) {
        defer { Self.removeEmptied() }
        let ended = try during("cannot start \(path)") { () throws(Errno) in
            try output(of: path, words(arguments), environment: Self.environment, from: 2, limit: 1 << 20)
        }
        if ended.status == .exited(0) {
            try? writeFully(2, ended.bytes)
            return
        }
        throw SkiffError("\(failure): \(Self.reason(ended.bytes))")
    }

    /// Returns what the runtime has said last, without what stands before it.
    static func reason(_ log: [UInt8]) -> String {
        guard let last = log.split(separator: ASCII.newline).last else { return "the runtime gives no reason" }
        let words = String(bytes: Array(last)).split(separator: "msg=\"", maxSplits: 1)
        return words.count == 2
            ? String(words[1].reversed().drop { $0 == "\"" }.reversed()) : String(bytes: Array(last))
    }

    /// Names the containers of a bundle that have not ended.
    /// - Throws: where the runtime does not say.
    func users(of bundle: String) throws(SkiffError) -> [String] {
        guard (try? status(HostPath(Self.state))) != nil else { return [] }
        defer { Self.removeEmptied() }
        let failure = "cannot tell which containers use \(bundle)"
        let answer = try during(failure) { () throws(Errno) in
            try output(
                of: path, words(["list", "--format", "json"]), environment: Self.environment, limit: 16 << 20)
        }
        guard answer.status == .exited(0), let listed = try? JSONReader.read(answer.bytes) else {
            throw SkiffError("\(failure): \(path) list does not say")
        }
        // null where there is none.
        guard case .array(let entries) = listed else { return [] }
        // The runtime has gone there, and names it without links.
        let names = [bundle, (try? realPath(bundle)) ?? bundle]
        return entries.compactMap { entry in
            guard case .string(let found)? = entry["bundle"], names.contains(found),
                entry["status"] != .string("stopped"), case .string(let id)? = entry["id"]
            else { return nil }
            return id
        }
    }

    /// Whether the runtime knows a container.
    func knows(_ id: String) -> Bool {
        guard let null = try? open("/dev/null", O_WRONLY) else { return false }
        let answer = try? output(
            of: path, words(["state", id]), environment: Self.environment, descriptors: [(2, null.raw)], limit: 1 << 20)
        return answer?.status == .exited(0)
    }
}
