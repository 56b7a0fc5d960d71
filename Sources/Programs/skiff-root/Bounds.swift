import Core
import Linux
import Ownership

/// The files for which the owners that a container sets are kept: those of its root file system, or all.
struct Bounds {
    private let scope: KeepingScope
    private let root: SupervisedRoot

    init(_ scope: KeepingScope, _ root: SupervisedRoot) { (self.scope, self.root) = (scope, root) }

    private func isOnRoot(_ file: CInt) -> Bool {
        if root.mount != 0, let mount = mountID(of: file) { return mount == root.mount }
        return (try? status(of: file).device) == root.device
    }

    func keeps(_ file: CInt) -> Bool { scope == .everything || isOnRoot(file) }

    /// Outside the root this is a courtesy that may fail: a device of the host, or a file system without attributes.
    func record(_ owner: RecordedOwner, on file: CInt) throws(Errno) {
        do throws(Errno) {
            try owner.write(file)
        } catch {
            guard isOnRoot(file) else { return }
            throw error == .accessDenied ? .notPermitted : error
        }
    }
}
