import CLinux
import Linux

/// The ways into the cgroups of a container: descriptors of `cgroup.procs`. Plain numbers: they are lent to frames that are
/// never left.
///
/// They were opened by who may move processes, and the kernel asks no more of who writes to them; cgroups(7).
struct CgroupEntrances: Sendable {
    /// Entered before anything else.
    var early: [CInt] = []
    /// Entered when the container is assembled: they keep devices out that the start itself needs, such as /dev/fuse.
    var late: [CInt] = []
    /// The directory of the one of version 2, and its entrance, for a process that is cloned into it.
    var birthplace: CInt?
    var birthplaceEntrance: CInt?
    var isBornThere = false

    init() {}

    var descriptors: [CInt] { early + late + [birthplace].compactMap { $0 } }

    func enter() throws(Errno) {
        for entrance in early where !(isBornThere && entrance == birthplaceEntrance) { try Self.enter(entrance) }
    }

    func enterLast() throws(Errno) { for entrance in late { try Self.enter(entrance) } }

    private static func enter(_ entrance: CInt) throws(Errno) { try writeFully(entrance, "0") }
}
