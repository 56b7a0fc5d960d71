import Core

/// What serves the files of an image.
struct DeviceProbe {
    let isRoot: Bool

    func findings() -> [Finding] {
        guard let problem = FuseAdvice.problem() else { return [Finding("fuse", .fine, "/dev/fuse can be opened")] }
        let effect =
            isRoot
            ? "ordinary users, and images that the configuration keeps from the kernel, are unpacked at each start"
            : "SIF and squashfs images are unpacked into the temporary directory at each start"
        return [Finding("fuse", isRoot ? .note : .warning, problem.fact, effect: effect, cure: problem.cure)]
    }
}
