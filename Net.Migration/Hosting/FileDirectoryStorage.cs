using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Net.Migration.Directory;

namespace Net.Migration.Hosting;

/// <summary>The directory's log in a file: what was appended is on the disk before <see cref="Append"/> returns.</summary>
/// <remarks>
/// The file stays open and locked for as long as this object lives: two ingresses must not write one log. It is longer than what was appended, by
/// zeros that are on the disk already: so an append changes no length and needs no new block, and its flush, on which a freeze waits, is one
/// write and not a transaction of the file system's journal. Zeros at the end are no records (<see cref="DirectoryLog"/>). A restart keeps them: when
/// the disk is full, what is in the middle of a move has no other room.
/// </remarks>
internal sealed class FileDirectoryStorage : IDirectoryStorage, IDisposable
{
    /// <summary>Longest log that is read: hundreds of times what one becomes before it is written anew.</summary>
    public const long MaxLength = 1L << 30;

    /// <summary>Bytes that are made ready at a time.</summary>
    private const int Reserve = 64 * 1024;

    private readonly Action<FileStream, int> _grow;
    private readonly string _path;
    private readonly string _directory;
    private FileStream _file;
    private long _length;
    private long _ready;
    private bool _isNew;

    /// <summary>Opens or creates a log; creates its directory, for its owner alone, when there is none.</summary>
    /// <param name="grow">Writes so many zeros where the file stands, and flushes them: a disk that is full, in tests.</param>
    /// <exception cref="IOException">It cannot be opened, or another process has it.</exception>
    public FileDirectoryStorage(string path, Action<FileStream, int>? grow = null)
    {
        _grow = grow ?? Grow;
        _path = path;
        _directory = Path.GetDirectoryName(Path.GetFullPath(path))!;
        StateFiles.CreateDirectory(_directory);
        _isNew = !File.Exists(path);
        try
        {
            _file = new(path, StateFiles.Private(FileMode.OpenOrCreate, FileShare.None));
        }
        catch (IOException e) when (File.Exists(path))
        {
            throw new IOException($"{path} is in use by another process", e);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException($"{path} cannot be opened", e);
        }
    }

    public ReadOnlyMemory<byte> Load()
    {
        if (_file.Length > MaxLength)
        {
            throw new DirectoryLogException($"the directory log {_path} is longer than {MaxLength} bytes");
        }

        byte[] log = new byte[_file.Length];
        _file.Position = 0;
        _file.ReadExactly(log);
        _length = _ready = log.Length;
        return log;
    }

    public void Truncate(long length)
    {
        byte[] rest = new byte[_file.Length - length];
        _file.Position = length;
        _file.ReadExactly(rest);
        _length = length;
        int torn = rest.AsSpan().LastIndexOfAnyExcept((byte)0) + 1;
        try
        {
            // Zeros of before may be a hole: from here on they are the disk's.
            _file.Position = length + torn;
            _grow(_file, rest.Length - torn);
            // From the back, a sector at a time: wherever a crash ends this, what is left is again a part of a frame, with zeros behind, its beginning if it is one of version 1.
            for (long end = length + torn; end > length;)
            {
                long start = long.Max(length, (end - 1) / LogFrame.Sector * LogFrame.Sector);
                _file.Position = start;
                _grow(_file, (int)(end - start));
                end = start;
            }

            _ready = _file.Length;
        }
        catch (IOException e) when (IsFull(e))
        {
            // A file system that writes nothing in its place needs room for that too.
            _file.SetLength(length);
            _file.Flush(flushToDisk: true);
            _ready = length;
        }
    }

    public bool TryMakeRoom(int bytes) => _length + bytes <= _ready || TryGrow(_length + bytes + Reserve) || TryGrow(_length + bytes);

    public void Append(ReadOnlySpan<byte> bytes)
    {
        bool isWithin = _length + bytes.Length <= _ready;

        _file.Position = _length;
        _file.Write(bytes);
        StateFiles.Flush(_file, isWithin);
        _length += bytes.Length;
        _ready = long.Max(_ready, _length);
        if (_isNew)
        {
            StateFiles.FlushDirectory(_directory);
            _isNew = false;
        }
    }

    public bool TryReplace(ReadOnlySpan<byte> log)
    {
        string path = _path + ".new";
        FileStream? draft = null;
        try
        {
            // What a crash has left of an earlier one is nobody's. Open and locked before it has the name: at no time can another ingress take the log.
            File.Delete(path);
            draft = new(path, StateFiles.Private(FileMode.CreateNew, FileShare.None));
            draft.Write(log);
            _grow(draft, Reserve);
            File.Move(path, _path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            draft?.Dispose();
            TryDelete(path);
            return false;
        }

        _file.Dispose();
        (_file, _length, _ready, _isNew) = (draft, log.Length, log.Length + Reserve, false);
        StateFiles.FlushDirectory(_directory);
        return true;
    }

    public void Dispose() => _file.Dispose();

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next one deletes it, or does not come about either.
        }
    }

    /// <summary>What of it is written before the disk is full is taken back: only what was flushed counts as room.</summary>
    private bool TryGrow(long end)
    {
        try
        {
            _file.Position = _ready;
            _grow(_file, (int)(end - _ready));
            _ready = end;
            return true;
        }
        catch (IOException e) when (IsFull(e))
        {
            _file.SetLength(_ready);
            return false;
        }
    }

    private static void Grow(FileStream file, int zeros)
    {
        file.Write(new byte[zeros]);
        StateFiles.Flush(file, isWithin: false);
    }

    /// <summary>ENOSPC and EDQUOT as Linux has them (errno(3)) and macOS; ERROR_HANDLE_DISK_FULL and ERROR_DISK_FULL of Windows.</summary>
    private static bool IsFull(IOException e) => OperatingSystem.IsWindows()
        ? (e.HResult & 0xFFFF) is 39 or 112
        : e.HResult is 28 || e.HResult == (OperatingSystem.IsMacOS() ? 69 : 122);
}

/// <summary>Files of the state directory: for their owner alone, and there to stay once they are reported as written.</summary>
internal static partial class StateFiles
{
    private const UnixFileMode DirectoryMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode FileMode0600 = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Mode 0700 for what is created; what exists keeps its mode.</summary>
    public static void CreateDirectory(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            _ = System.IO.Directory.CreateDirectory(path);
        }
        else
        {
            _ = System.IO.Directory.CreateDirectory(path, DirectoryMode);
        }
    }

    /// <summary>Unbuffered, mode 0600 when it is created.</summary>
    public static FileStreamOptions Private(FileMode mode, FileShare share)
    {
        FileStreamOptions options = new() { Mode = mode, Access = FileAccess.ReadWrite, Share = share, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = FileMode0600;
        }

        return options;
    }

    /// <summary>Writes a file that is there in full or not at all, whatever happens meanwhile.</summary>
    public static void WriteWhole(string path, ReadOnlySpan<byte> bytes)
    {
        string draft = path + ".new";
        File.Delete(draft);
        using (FileStream file = new(draft, Private(FileMode.CreateNew, FileShare.None)))
        {
            file.Write(bytes);
            file.Flush(flushToDisk: true);
        }

        File.Move(draft, path, overwrite: true);
        FlushDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
    }

    /// <summary>What was written is on the disk when this returns.</summary>
    /// <param name="isWithin">The file's length and blocks are what they were: its description need not be written (fdatasync(2)).</param>
    /// <exception cref="IOException">The disk failed.</exception>
    public static void Flush(FileStream file, bool isWithin)
    {
        if (!isWithin || !OperatingSystem.IsLinux())
        {
            file.Flush(flushToDisk: true);
        }
        else if (FDataSync(file.SafeFileHandle) != 0)
        {
            throw new IOException($"{file.Name} cannot be written to the disk (error {Marshal.GetLastPInvokeError()})");
        }
    }

    /// <summary>A new file's name is an entry of its directory, which has to reach the disk as well (fsync(2)).</summary>
    /// <exception cref="IOException">The disk failed.</exception>
    public static void FlushDirectory(string path)
    {
        // Elsewhere the file system's journal has to do: there is no such call.
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        using SafeFileHandle handle = new(Open(path, 0), ownsHandle: true);
        if (handle.IsInvalid || (FSync(handle) != 0 && Marshal.GetLastPInvokeError() is not Einval))
        {
            throw new IOException($"{path} cannot be written to the disk (error {Marshal.GetLastPInvokeError()})");
        }
    }

    /// <summary>A file system that cannot flush a directory says so; then there is nothing to flush.</summary>
    private const int Einval = 22;

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int FDataSync(SafeFileHandle descriptor);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int FSync(SafeFileHandle descriptor);
}
