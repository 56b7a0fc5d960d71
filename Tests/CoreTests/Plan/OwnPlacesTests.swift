import Testing

@testable import Core

/// Where a plugin may mount: a source, a place, and whether it may.
@Test(
    arguments: [
        (.session(mode: 0o755), "/", false), (.session(mode: 0o755), "/proc", false),
        (.bind("/x"), "/proc/sys", false), (.bind("/x"), "/sys/kernel", false),
        (.bind("/x"), "/.singularity.d/env/10-x.sh", false), (.bind("/x"), "/.singularity.d/libs", false),
        (.bind("/x"), "/.singularity.d/libs/x.so", true), (.bind("/x"), "/.singularity.d/libs32/x.so", true),
        (.bind("/x"), "/process", true), (.bind("/x"), "/system/x", true),
        (.filesystem(type: "proc", options: []), "/proc", true),
        (.filesystem(type: "proc", options: []), "/proc/sys", false),
        (.filesystem(type: "sysfs", options: []), "/sys", true),
        (.filesystem(type: "tmpfs", options: []), "/sys", false),
    ] as [(Mount.Source, String, Bool)])
func placesOfPlugins(source: Mount.Source, path: String, isAllowed: Bool) {
    var mount = Mount(.files, source, at: path, reason: "test", origin: "org.test.one")
    #expect((OwnPlaces.refusal(of: mount, at: path) == nil) == isAllowed)
    mount.origin = "core"
    #expect(OwnPlaces.refusal(of: mount, at: path) == nil)
}
