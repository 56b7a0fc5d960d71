import Base
import Linux

/// Who mounts the file systems that are layers.
extension PlanBuilder {
    func chooseDrivers(_ draft: inout PlanDraft) throws(SkiffError) {
        for index in draft.layers.indices {
            guard var image = draft.layers[index].served else { continue }
            try chooseDriver(of: &image, "as a layer")
            draft.layers[index].kind = .served(image)
        }
        for index in draft.images.indices { try chooseDriver(of: &draft.images[index], "for a bind") }
    }

    private func chooseDriver(of image: inout ServedLayer, _ use: String) throws(SkiffError) {
        let asked = try isKernels(image) ? plugins.service(for: image, byKernel: true) : nil
        if try isKernels(image), asked?.wantsServer != true {
            (image.driver, image.recoverer) = (.loop, asked?.plugin)
        } else {
            image.driver = try serverDriver(image, use)
        }
        image.isSynchronous = image.isWritable && image.driver == .loop && settings.syncWritableExtfs
        image.loopLimit = settings.maxLoopDevices
    }

    /// Whether the kernel may read these bytes, which anybody may have written.
    private func isKernels(_ image: ServedLayer) throws(SkiffError) -> Bool {
        guard host.canMountImages, !request.makesUserNamespace(host) else { return false }
        switch image.filesystem {
        case "squashfs": return settings.allowKernelSquashfs && !image.hasAttributes
        case "erofs": return settings.allowKernelSquashfs
        case "ext3", "ext4": return settings.allowKernelExtfs
        default: return false
        }
    }

    private func serverDriver(_ image: ServedLayer, _ use: String) throws(SkiffError) -> ServedLayer.Driver {
        if image.filesystem == "squashfs" {
            try needFuse(image, use)
            return .server(onlyOwner)
        }
        guard let service = try plugins.service(for: image, byKernel: false) else {
            throw SkiffError(
                "cannot use \(image.path) \(use): nobody here serves the file system \(image.filesystem)",
                hint: "skiff plugin list --all shows the plugins and why one is not used")
        }
        try needFuse(image, use)
        return .plugin(service)
    }

    private func needFuse(_ image: ServedLayer, _ use: String) throws(SkiffError) {
        if host.hasFuse { return }
        throw SkiffError(
            "cannot use \(image.path) \(use): its server needs /dev/fuse",
            hint: FuseAdvice.problem()?.cure ?? "Ask the administrator for /dev/fuse with mode 0666")
    }

    /// Whether `--writable` means the root file system itself, and not an overlay that the image brings along.
    func writesRoot(_ draft: PlanDraft) -> Bool {
        request.writable && !(image.isInSIF && draft.layers.contains { $0.served?.isWritable == true })
    }
}
