using System.Text;

namespace Net.Migration.Hosting;

/// <summary>Reads a roster's file again whenever it has changed.</summary>
/// <param name="path">The file; one that is not there says nothing.</param>
/// <param name="changed">Told its text, from the pool.</param>
/// <param name="log">Told once why it cannot be read.</param>
internal sealed class RosterWatch(string path, Action<string> changed, Action<string> log) : IDisposable
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(1);

    private Timer? _timer;
    private (DateTime Written, long Length) _known;
    private bool _hasFailed;

    public void Start() => _timer = new(_ => Look(), null, s_interval, s_interval);

    public void Look()
    {
        try
        {
            FileInfo file = new(path);
            if (!file.Exists || (file.LastWriteTimeUtc, file.Length) == _known)
            {
                return;
            }

            (DateTime, long) present = (file.LastWriteTimeUtc, file.Length);
            changed(file.Length <= Roster.MaxLength ? File.ReadAllText(path, Encoding.ASCII) : "");
            (_known, _hasFailed) = (present, false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (!_hasFailed)
            {
                _hasFailed = true;
                log($"{path} cannot be read ({e.Message.TrimEnd('.')}): who is a member stays as it was");
            }
        }
    }

    public void Dispose() => _timer?.Dispose();
}
