import Base

/// Places in a container whose content is skiff's and the kernel's affair: programs believe what they read there.
enum OwnPlaces {
    private static let directories = ["/proc", "/sys", "/.singularity.d"]
    /// Libraries that the host lends: GPU drivers and the like.
    private static let libraries = ["/.singularity.d/libs/", "/.singularity.d/libs32/"]

    /// Returns why a plugin may not mount at a path; nil if it may.
    /// - Parameter path: absolute and clean, in the container.
    static func refusal(of mount: Mount, at path: String) -> String? {
        if mount.origin == "core" { return nil }
        if path == "/" { return "the root file system is the image's" }
        guard let place = directories.first(where: { isPath(path, within: $0) }) else { return nil }
        if case .filesystem(let type, _) = mount.source {
            if type == "proc" && path == "/proc" || type == "sysfs" && path == "/sys" { return nil }
        }
        if libraries.contains(where: path.hasPrefix) { return nil }
        return place == "/.singularity.d"
            ? "below \(place) a plugin adds to libs and libs32 only" : "\(place) is the kernel's"
    }

    /// The name of the plugin in front of an error about a mount; empty for the core's own.
    static func prefix(_ origin: String) -> String { origin == "core" ? "" : "plugin \(origin): " }
}
