import Linux
import Ownership

/// On which files what a container says about owners is kept: those of its root file system, or all.
final class Bounds {
    private let scope: KeepingScope
    /// The mount of the root; nil where the kernel does not number mounts, and until the first call.
    private var mount: UInt64?
    private var device: UInt64?

    init(_ scope: KeepingScope) { self.scope = scope }

    /// Looked up at the first call, which the container makes on its finished root.
    func settle(_ caller: Caller) throws(Errno) {
        if device != nil { return }
        let root = try caller.root()
        mount = mountID(of: root.raw)
        device = try status(of: root.raw).device
    }

    private func isOnRoot(_ file: CInt) -> Bool {
        if let mount { return mountID(of: file) == mount }
        return (try? status(of: file).device) == device
    }

    func keeps(_ file: CInt) -> Bool { scope == .everything || isOnRoot(file) }

    /// Elsewhere than on the root it is a courtesy, that may fail: a device of the host, or a file system without attributes.
    func record(_ owner: RecordedOwner, on file: CInt) throws(Errno) {
        do throws(Errno) {
            try owner.write(file)
        } catch {
            guard isOnRoot(file) else { return }
            throw error == .accessDenied ? .notPermitted : error
        }
    }
}
