import Base
import CLinux
import Linux

/// Mounts the images that binds come out of, and takes the trees of these binds.
struct BoundImageMounts {
    let plan: Plan
    let trees: SourceTrees
    let links: ChildLinks

    /// The current directory must be the session.
    func mount(_ session: borrowing Session) throws(SkiffError) {
        for (index, image) in plan.images.enumerated() {
            let place = "layers/image-\(index)"
            try during("cannot make a place for \(image.path)") { () throws(Errno) in
                try makeDirectory(place, at: session.directory.raw)
            }
            let served = plan.layers.count + index
            let mount = LayerMount(plan: plan, image: image, index: served, session: session.directory.raw)
            do throws(SkiffError) {
                try mount.mount(at: place, links)
                try take(index, of: image, at: place, session)
            } catch {
                guard let server = links.layers[served], let text = ImageServerLink.complaint(over: server) else {
                    throw error
                }
                throw SkiffError("cannot use image \(image.path): \(text)")
            }
        }
    }

    private func take(_ index: Int, of image: ServedLayer, at place: String, _ session: borrowing Session)
        throws(SkiffError)
    {
        let root = try during("cannot mount \(image.path)") { () throws(Errno) in
            let root = try open(place, SKL_O_PATH | O_DIRECTORY, at: session.directory.raw)
            // A server that cannot read the image is only noticed when it is asked.
            _ = try status(of: root.raw)
            return TreeRoot(adopting: root)
        }
        for (number, mount) in plan.mounts.enumerated() {
            guard case .image(index, let path) = mount.source else { continue }
            do throws(Errno) {
                let found = try root.open(TreePath(path), .pathOnly)
                let tree = try cloneTree("", at: found.raw)
                if !mount.attributes.isEmpty { try restrict(tree.raw, mount.attributes) }
                trees.put(tree, forMount: number)
            } catch {
                if error == .noSuchFile { throw SkiffError("\(path) doesn't exist in image \(image.path)") }
                throw SkiffError("cannot bind \(path) of image \(image.path)", errno: error)
            }
        }
    }
}
