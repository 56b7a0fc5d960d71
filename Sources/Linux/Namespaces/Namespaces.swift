package import CLinux

/// Namespaces to make or join; namespaces(7).
package struct Namespaces: OptionSet, Sendable, Hashable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
    package init(arrayLiteral flags: Self...) { self.init(rawValue: flags.reduce(0) { $0 | $1.rawValue }) }
    package static let mount = Namespaces(rawValue: UInt64(CLONE_NEWNS))
    package static let user = Namespaces(rawValue: UInt64(CLONE_NEWUSER))
    package static let pid = Namespaces(rawValue: UInt64(CLONE_NEWPID))
    package static let ipc = Namespaces(rawValue: UInt64(CLONE_NEWIPC))
    package static let uts = Namespaces(rawValue: UInt64(CLONE_NEWUTS))
    package static let network = Namespaces(rawValue: UInt64(CLONE_NEWNET))
    package static let cgroup = Namespaces(rawValue: UInt64(CLONE_NEWCGROUP))
}

/// clone(2) like fork, in new namespaces: 0 in the child, its pid in the parent. The process must have only one thread.
/// - Parameters:
///   - asSibling: whether it becomes a child of this process's parent, who alone can wait for it then.
///   - cgroup: the directory of a cgroup of version 2 in which it begins.
package func cloneProcess(_ namespaces: Namespaces = [], asSibling: Bool = false, cgroup: CInt? = nil) throws(Errno)
    -> pid_t
{
    let flags = UInt(namespaces.rawValue) | (asSibling ? UInt(CLONE_PARENT) : 0)
    return try checked { cgroup.map { skl_clone_into(flags, $0) } ?? skl_clone(flags) }
}

/// fork(3), by which the child may allocate even when other threads did so at that moment: clone(2) alone leaves it with the
/// locks of malloc(3) that they held. For processes that may have threads; the child must not start any.
package func forkProcess() throws(Errno) -> pid_t { try checked { skl_fork() } }

/// unshare(2).
package func enterNew(_ namespaces: Namespaces) throws(Errno) {
    _ = try checked { unshare(CInt(truncatingIfNeeded: namespaces.rawValue)) }
}

/// setns(2).
package func join(_ namespace: CInt, _ kind: Namespaces) throws(Errno) {
    _ = try checked { setns(namespace, CInt(truncatingIfNeeded: kind.rawValue)) }
}

/// Returns what a descriptor is a namespace of; ioctl_ns(2), NS_GET_NSTYPE.
package func kind(ofNamespace descriptor: CInt) throws(Errno) -> Namespaces {
    Namespaces(rawValue: UInt64(try checked { skl_namespace_kind(descriptor) }))
}

/// Starts the loopback interface of this network namespace, which is down in a new one; netdevice(7).
package func bringUpLoopback() throws(Errno) { _ = try checked { skl_bring_up("lo") } }

/// Deletes a network interface of this network namespace; a pair goes together. rtnetlink(7), RTM_DELLINK.
package func deleteNetworkInterface(_ name: String) throws(Errno) {
    _ = try checked(name) { skl_delete_interface($0) }
}

package func setHostname(_ name: String) throws(Errno) {
    _ = try checked { sethostname(name, name.utf8.count) }
}

/// setdomainname(2).
package func setDomainName(_ name: String) throws(Errno) {
    _ = try checked { setdomainname(name, name.utf8.count) }
}

/// The node name of uname(2).
package func hostname() -> String {
    var names = utsname()
    _ = uname(&names)
    return withUnsafeBytes(of: &names.nodename) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}

/// `6.1.0-13-amd64`: the release of uname(2).
package func kernelRelease() -> String {
    var names = utsname()
    _ = uname(&names)
    return withUnsafeBytes(of: &names.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}

/// `x86_64`: the machine of uname(2).
package func machine() -> String {
    var names = utsname()
    _ = uname(&names)
    return withUnsafeBytes(of: &names.machine) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}
