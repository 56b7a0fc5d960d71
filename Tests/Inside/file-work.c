// What a program does to its root file system, in a directory of its own; prints a name and milliseconds a line.
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FILES = 2000, MEGABYTES = 100, SYNCS = 50 };
static char block[1 << 20];
static double began;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static void must(int succeeded, const char *what)
{
    if (succeeded) return;
    perror(what);
    exit(1);
}

static void done(const char *what)
{
    printf("%s %.2f\n", what, now() - began);
    fflush(stdout);
    began = now();
}

static const char *name(int number)
{
    static char text[32];
    snprintf(text, sizeof text, "d%d/file-%d", number % 20, number);
    return text;
}

int main(int count, char **words)
{
    struct stat facts;
    if (count != 2) return 2;
    must(chdir(words[1]) == 0 && mkdir("work", 0755) == 0 && chdir("work") == 0, words[1]);
    for (size_t index = 0; index < sizeof block; index++) block[index] = (char)(index * 2654435761U >> 13);
    for (int number = 0; number < 20; number++) {
        char directory[16];
        snprintf(directory, sizeof directory, "d%d", number);
        must(mkdir(directory, 0755) == 0, directory);
    }
    began = now();
    for (int number = 0; number < FILES; number++) {
        int file = open(name(number), O_WRONLY | O_CREAT, 0644);
        must(file >= 0 && write(file, block, 3000) == 3000 && close(file) == 0, name(number));
    }
    done("create");
    for (int number = 0; number < FILES; number++) must(stat(name(number), &facts) == 0 && facts.st_size == 3000, name(number));
    done("stat");
    for (int number = 0; number < FILES; number++) {
        char other[40];
        snprintf(other, sizeof other, "%s.new", name(number));
        must(rename(name(number), other) == 0, other);
        must(rename(other, name(number)) == 0, other);
    }
    done("rename");
    int file = open("large", O_RDWR | O_CREAT, 0644);
    for (int number = 0; number < MEGABYTES; number++) must(write(file, block, sizeof block) == sizeof block, "large");
    must(fsync(file) == 0, "fsync");
    done("write");
    posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    lseek(file, 0, SEEK_SET);
    for (int number = 0; number < MEGABYTES; number++) must(read(file, block, sizeof block) == sizeof block, "large");
    done("read");
    close(file);
    file = open("synced", O_WRONLY | O_CREAT, 0644);
    for (int number = 0; number < SYNCS; number++) must(write(file, block, 4096) == 4096 && fsync(file) == 0, "synced");
    done("fsync");
    for (int number = 0; number < FILES; number++) must(unlink(name(number)) == 0, name(number));
    done("remove");
    return 0;
}
