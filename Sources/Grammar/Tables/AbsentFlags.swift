/// Why flags of Apptainer are not here, and what serves instead: said to who uses one, and in Docs/compatibility.md.
enum AbsentFlags {
    static let reasons: [(flag: String, reason: String)] = [
        ("fusemount", "mount on the host and use --bind, or run the program in the container with --fakeroot"),
        ("nvccli", "--nv binds the same files, without a setuid program or a writable root"),
        ("rocm", "no plugin for AMD's libraries yet; --bind /dev/kfd --bind /dev/dri gives the devices"),
        ("no-rocm", "without --rocm there is nothing to turn off"),
        ("intel-hpu", "no plugin for these devices yet; --bind /dev/accel gives them"),
        ("runscript-timeout", "scripts of images are evaluated in process, and nothing limits their commands"),
        ("dmtcp-launch", "checkpoints need DMTCP, which skiff does not drive"),
        ("dmtcp-restart", "checkpoints need DMTCP, which skiff does not drive"),
        ("remote", "no build service is asked; skiff builds without root where it stands"),
        ("buildkit-host", "skiff builds from Dockerfiles itself, and asks no daemon"),
    ]

    /// Returns the reason for a flag by its long name; nil for one that has none.
    static func reason(_ flag: String) -> String? { reasons.first { $0.flag == flag }?.reason }
}
