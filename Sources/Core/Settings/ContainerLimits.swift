import Base
import Linux

/// `limit container owners`, `limit container groups` and `limit container paths`: the images that users may run. All
/// that are set must hold. Root is not bound by them (Docs/decisions/014).
struct ContainerLimits {
    private let settings: Settings

    /// - Returns: nil when there is no limit.
    init?(_ settings: Settings) {
        let lists = [settings.limitContainerOwners, settings.limitContainerGroups, settings.limitContainerPaths]
        if lists.allSatisfy(\.isEmpty) { return nil }
        self.settings = settings
    }

    /// Checks the open image itself, so that nobody can exchange it after the check.
    func check(_ image: borrowing ImageSource) throws(SkiffError) {
        let (descriptor, name) = (image.descriptor.raw, image.path)
        let found = try during("cannot look at image \(name)") { () throws(Errno) in try status(of: descriptor) }
        let path = try during("cannot find out where image \(name) lies") { () throws(Errno) in
            try readLink("/proc/self/fd/\(descriptor)")
        }
        try check(name, uid: found.uid, gid: found.gid, realPath: path)
    }

    /// - Parameter realPath: of the image, without symbolic links.
    func check(_ image: String, uid: UInt32, gid: UInt32, realPath: String) throws(SkiffError) {
        let owners = settings.limitContainerOwners
        guard owners.isEmpty || owners.contains(where: { userRecord(name: $0)?.uid == uid }) else {
            throw Self.refusal(image, "does not belong to a user that", "limit container owners", owners)
        }
        let groups = settings.limitContainerGroups
        guard groups.isEmpty || groupName(gid: gid).map(groups.contains) == true else {
            throw Self.refusal(image, "does not belong to a group that", "limit container groups", groups)
        }
        let paths = settings.limitContainerPaths
        guard paths.isEmpty || paths.contains(where: { Self.lies(realPath, in: $0) }) else {
            throw Self.refusal(image, "does not lie below a path that", "limit container paths", paths)
        }
    }

    /// The administrator may have named the directory by a symbolic link. A directory that does not exist contains
    /// nothing.
    private static func lies(_ path: String, in directory: String) -> Bool {
        guard directory.hasPrefix("/"), let directory = try? Linux.realPath(directory) else { return false }
        return path != directory && isPath(path, within: directory)
    }

    private static func refusal(_ image: String, _ reason: String, _ directive: String, _ values: [String])
        -> SkiffError
    {
        SkiffError(
            "cannot run \(image): it \(reason) the configuration allows",
            hint: "The administrator set \(directive) = \(values.joined(separator: ", "))")
    }
}
