using System.Diagnostics.CodeAnalysis;

namespace Net.Migration.Directory;

/// <summary>The directory inside an ingress: <see cref="Ownership"/> whose every change is durable before it is answered, and those of one turn with one flush.</summary>
/// <remarks>
/// <see cref="Submit"/> decides, and what changes something waits, unseen, for <see cref="Commit"/>: one write and one flush for all, then they are true, told and
/// answered. What waits concerns different components, so no decision rests on one that may not last: whoever asks about a component of which a change waits
/// is decided behind it. Nothing waits longer than the turn: limits bound it, and reaching one commits.
/// After a failed append it is unknown what a restart will read, so it answers nothing any more: silence is always safe. So that a full disk does not come to
/// that, room is made ahead: without it no move begins, and those that have begun still find theirs. What finds none when it is asked for does not wait: it is
/// not done, nor answered.
/// The log does not grow for ever: one that is many times longer than what it says is written anew, at a start or before a move begins, when nobody stands still.
/// </remarks>
internal sealed class EmbeddedDirectory : IOwnershipDirectory
{
    /// <summary>Requests that wait, for the flush or for a decision behind it; with this many there is no waiting for more.</summary>
    public const int MaxWaiting = 1024;

    /// <summary>Made ahead: what dozens of moves, own writes and take-overs need.</summary>
    private const int Room = 16 * 1024;

    /// <summary>A log up to this length is let be: 1 MiB is some ten thousand changes, and read in a moment.</summary>
    private const long ShortLog = 1024 * 1024;

    /// <summary>How many times longer than it has to be a log becomes before it is written anew.</summary>
    private const int Growth = 4;

    private readonly IDirectoryStorage _storage;
    private readonly long _short;
    private readonly Ownership _ownership;
    private readonly Queue<OwnershipAnswer> _answers = new();
    private readonly Queue<OwnershipRecord> _changes = new();
    private readonly List<Change> _pending = [];
    private readonly HashSet<string> _underWay = new(StringComparer.Ordinal);
    private readonly Queue<(OwnershipRequest Request, Member Requester)> _behind = new();
    private int _bytes;
    private int _created;
    private LogEnd _end;
    private long _rewriteAbove;
    private string? _noRoom;

    /// <param name="storage">The log.</param>
    /// <param name="shortLog">Bytes up to which a log is let be.</param>
    /// <exception cref="DirectoryLogException">The log is damaged.</exception>
    /// <exception cref="IOException">The storage failed.</exception>
    public EmbeddedDirectory(IDirectoryStorage storage, long shortLog = ShortLog)
    {
        (_storage, _short, _rewriteAbove) = (storage, shortLog, shortLog);
        ReadOnlySpan<byte> log = storage.Load().Span;
        _ownership = DirectoryLog.Replay(log, out _end);
        if (_end.Length < log.Length)
        {
            storage.Truncate(_end.Length);
        }

        if (_end.Length == 0)
        {
            storage.Append(DirectoryLog.Preamble(out _end));
        }

        foreach (OwnershipRecord record in _ownership.Records)
        {
            _changes.Enqueue(record);
        }

        // What was in the middle of a move when an ingress ended has to find its room at the next.
        _ = TryRecover();
    }

    /// <summary>Why it stopped answering; null while it works.</summary>
    public IOException? Failure { get; private set; }

    public string? Trouble => Failure is not null ? $"the directory cannot be written any more ({Failure.Message}): traffic goes on, nothing moves; restart the ingress"
        : _noRoom;

    public bool AnswersStill => Failure is null;

    public IReadOnlyCollection<OwnershipRecord> Records => _ownership.Records;

    public bool TryRecover()
    {
        if (_end.Length > _rewriteAbove && _pending.Count == 0 && Failure is null)
        {
            Rewrite();
        }

        _noRoom = Failure is null ? WhyNoRoom(Room + _bytes) : null;
        return Trouble is null;
    }

    public void Submit(OwnershipRequest request, Member requester)
    {
        Take(request, requester);
        if (_pending.Count + _behind.Count >= MaxWaiting)
        {
            Commit();
        }
    }

    public void Commit()
    {
        while (_pending.Count > 0 ? TryWrite() : _behind.Count > 0)
        {
            // In their order; a second one of a component waits again. Also when a limit has written what they waited for, and nothing has come since.
            for (int left = _behind.Count; left > 0 && _behind.TryDequeue(out (OwnershipRequest Request, Member Requester) next); left--)
            {
                Take(next.Request, next.Requester);
            }
        }
    }

    public bool TryTakeAnswer([NotNullWhen(true)] out OwnershipAnswer? answer) => _answers.TryDequeue(out answer);

    public bool TryTakeChange([NotNullWhen(true)] out OwnershipRecord? record) => _changes.TryDequeue(out record);

    private void Take(OwnershipRequest request, Member requester)
    {
        if (Failure is not null)
        {
            return;
        }

        if (_underWay.Contains(request.Component))
        {
            _behind.Enqueue((request, requester));
            return;
        }

        OwnershipAnswer answer = _ownership.Decide(request, requester, _created, out OwnershipRecord? changed);
        if (changed is null)
        {
            _answers.Enqueue(answer);
            return;
        }

        Change change = new(changed, DirectoryLog.Write(changed), answer);
        if (_bytes + change.Bytes.Length > LogFrame.MaxBody && !TryWrite())
        {
            return;
        }

        if (WhyNoRoom(DirectoryLog.LengthOf(_end, _bytes + change.Bytes.Length)) is string why)
        {
            // Nothing of it is written, and it is asked for again.
            _noRoom = why;
            return;
        }

        _pending.Add(change);
        _ = _underWay.Add(changed.Component);
        _bytes += change.Bytes.Length;
        _created += changed.Epoch == 1 ? 1 : 0;
    }

    /// <summary>Makes what waits durable, and then true.</summary>
    /// <returns>False: nobody knows whether it is.</returns>
    private bool TryWrite()
    {
        try
        {
            if (DirectoryLog.StepUp(ref _end) is { Length: > 0 } step)
            {
                // By itself, as its parts are known by what they are.
                _storage.Append(step);
            }

            _storage.Append(DirectoryLog.Encode(_pending.Select(static change => change.Bytes), ref _end));
        }
        catch (IOException failure)
        {
            Failure = failure;
            Forget();
            _behind.Clear();
            return false;
        }

        foreach (Change change in _pending)
        {
            _ = _ownership.Install(change.Record);
            _changes.Enqueue(change.Record);
            _answers.Enqueue(change.Answer);
        }

        Forget();
        // Somebody may stand still until this is answered: room is made ahead when the next move is asked for, and only trouble is looked into here.
        if (_noRoom is not null)
        {
            _ = TryRecover();
        }

        return true;
    }

    private void Rewrite()
    {
        byte[] log = DirectoryLog.Rewrite(_ownership.Records, out LogEnd end);
        _rewriteAbove = long.Max(_short, Growth * end.Length);
        if (_end.Length <= _rewriteAbove)
        {
            return;
        }

        try
        {
            if (_storage.TryReplace(log))
            {
                _end = end;
            }
            else
            {
                // It grows on meanwhile; a disk that is full is not asked before each move.
                _rewriteAbove = 2 * _end.Length;
            }
        }
        catch (IOException failure)
        {
            Failure = failure;
        }
    }

    /// <summary>Nothing waits any more.</summary>
    private void Forget()
    {
        _pending.Clear();
        _underWay.Clear();
        (_bytes, _created) = (0, 0);
    }

    /// <summary>Sees to it that so many bytes can be appended.</summary>
    /// <returns>Null: they can.</returns>
    private string? WhyNoRoom(int bytes)
    {
        try
        {
            return _storage.TryMakeRoom(bytes) ? null : "the disk of the directory's log is full: traffic goes on, nothing moves until there is room";
        }
        catch (IOException failure)
        {
            // Nothing that was appended is in doubt: unlike after a failed append, it may go on when the disk does.
            return $"the disk of the directory's log fails ({failure.Message}): traffic goes on, nothing moves until it works";
        }
    }

    /// <summary>What waits to become true.</summary>
    private sealed record Change(OwnershipRecord Record, byte[] Bytes, OwnershipAnswer Answer);
}
