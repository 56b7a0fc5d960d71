package import Base
package import Linux

/// Enters the namespaces of somebody else, which a process outside of them holds open. Nobody's /proc leads there: what a
/// contained program shows of itself proves nothing, and what holds something of the host shows nothing.
///
/// This process must have been executed outside, and from here on nobody inside may look into it; `Child.closeMemory` has
/// the kernel's rule.
package func joinNamespaces(user: borrowing OwnedFD?, mount: borrowing OwnedFD?) throws(SkiffError) {
    let (userNumber, mountNumber) = (number(of: user), number(of: mount))
    try during("cannot enter the namespaces of the build") { () throws(Errno) in
        // Joining a mount namespace changes to its root directory.
        let directory = try currentDirectory()
        if let userNumber {
            try setDumpable(false)
            try join(userNumber, .user)
        }
        guard let mountNumber else { return }
        try join(mountNumber, .mount)
        try? changeDirectory(directory)
    }
}

private func number(of descriptor: borrowing OwnedFD?) -> Int32? {
    switch descriptor {
    case .some(let open): open.raw
    case .none: nil
    }
}
