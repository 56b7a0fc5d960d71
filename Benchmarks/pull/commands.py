"""Who pulls, and how."""

import collections
import os

# `caches`: the states in which it is measured. `only`: the image for which it can be.
Row = collections.namedtuple("Row", "who compression caches words only", defaults=[None])


def rows(host, skiff, apptainer, image, layer):
    """All that is measured; NAME stands for the image's, $CACHE and $RUN for directories of the row's own."""
    zstd, gzip9, both, all_three = "zstd 6", "gzip 9", ("empty", "layers"), ("empty", "layers", "warm")
    layout, processors = "$CACHE/layout", len(os.sched_getaffinity(0))
    rootless = "" if os.geteuid() == 0 else "--rootless "
    copy = f"skopeo --insecure-policy copy --quiet --src-tls-verify=false docker://{host}/NAME oci:{layout}:x && "
    squash = f"mksquashfs $CACHE/bundle/rootfs {image} -comp zstd -Xcompression-level 6 -noappend -quiet -no-progress"
    podman = "podman --root $CACHE/root --runroot $RUN --storage-driver vfs --cgroup-manager cgroupfs pull --quiet "
    yield Row("skiff pull", zstd, all_three, [skiff, "pull", "--force", image, f"docker://{host}/NAME"])
    # A layer is a tar archive: for an image with one of them no more is to be done.
    tar2sqfs = f"zcat {layout}/blobs/sha256/{layer} | tar2sqfs -q -f -c zstd -X level=6 -j {processors} {image}"
    yield Row("skopeo + tar2sqfs", zstd, both, ["sh", "-c", copy + tar2sqfs], "one")
    unpack = f"umoci unpack {rootless}--image {layout}:x $CACHE/bundle && "
    yield Row("skopeo + umoci + mksquashfs", zstd, both, ["sh", "-c", copy + unpack + squash])
    # The compression of a pull cannot be chosen, neither Apptainer's nor skiff's; a build from a registry does the same work.
    if apptainer:
        build = ["build", "--force", "--no-https", "--mksquashfs-args", "-comp zstd -Xcompression-level 6"]
        yield Row("Apptainer build", zstd, both, apptainer + build + [image, f"docker://{host}/NAME"])
    build = ["build", "--force", "--compression", "gzip:9", image, f"docker://{host}/NAME"]
    yield Row("skiff build", gzip9, both, [skiff] + build)
    if apptainer:
        pull = ["pull", "--force", "--no-https", image, f"docker://{host}/NAME"]
        yield Row("Apptainer pull", gzip9, all_three, apptainer + pull)
    # As root it leaves locks, and a /run/containers that keeps skopeo of others out.
    alone = "mount -t tmpfs none /run && mount -t tmpfs none /dev/shm && "
    podman += f"--tls-verify=false {host}/NAME"
    if os.geteuid() == 0:
        shell = ["unshare", "--mount", "--propagation=private", "sh", "-c", alone + podman]
    else:
        shell = ["sh", "-c", podman]
    yield Row("podman pull", "no image file", ("empty", "warm"), shell)
