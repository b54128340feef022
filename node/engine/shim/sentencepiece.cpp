/*  libsentencepiece behind C. The library reports by status; what it throws is caught all the same.
 */
#include "node/engine/shim/sentencepiece.h"

extern "C" {
#include "lib/core/error.h"
#include "lib/core/file.h"
}

#include <sentencepiece_processor.h>

#include <cstdlib>
#include <exception>
#include <memory>
#include <string>

struct spm {
    sentencepiece::SentencePieceProcessor processor;
    int32_t count = 0;
};

namespace
{

constexpr size_t file_max = 64u << 20;

struct free_t {
    void operator() (void *p) const
    {
        free (p);
    }
};

/*  Runs `body`, which gives a code; what it throws becomes one. */
template <typename F> int guarded (const char *what, F &&body) noexcept
{
    try {
        return body ();
    } catch (const std::bad_alloc &) {
        return aut_fail (AUT_ERR_NOMEM, "%s: no memory for SentencePiece", what);
    } catch (const std::exception &e) {
        return aut_fail (AUT_ERR_INTERNAL, "%s: %.200s", what, e.what ());
    } catch (...) {
        return aut_fail (AUT_ERR_INTERNAL, "%s: SentencePiece threw what is no exception", what);
    }
}

int load (std::unique_ptr<spm> &out, const char *path)
{
    char *data = nullptr;
    size_t size = 0;
    int rc = aut_file_read (path, file_max, &data, &size);
    if (rc)
        return rc;
    std::unique_ptr<char, free_t> owned (data);
    auto self = std::make_unique<spm> ();
    auto status = self->processor.LoadFromSerializedProto (absl::string_view (data, size));
    if (!status.ok ())
        return aut_fail (AUT_ERR_CORRUPT, "%s: not a SentencePiece model: %.200s", path,
                         status.message ());
    self->count = self->processor.GetPieceSize ();
    if (self->count <= 0)
        return aut_fail (AUT_ERR_CORRUPT, "%s: a SentencePiece model without pieces", path);
    out = std::move (self);
    return 0;
}

} // namespace

int spm_open (spm_t **out, const char *path)
{
    *out = nullptr;
    return guarded (path, [&] {
        std::unique_ptr<spm> self;
        int rc = load (self, path);
        *out = self.release ();
        return rc;
    });
}

void spm_close (spm_t **self_p)
{
    delete *self_p;
    *self_p = nullptr;
}

int32_t spm_count (const spm_t *self)
{
    return self->count;
}

const char *spm_piece (const spm_t *self, int32_t id)
{
    const char *piece = nullptr;
    if (id >= 0 && id < self->count)
        guarded ("spm_piece", [&] {
            piece = self->processor.IdToPiece (id).c_str ();
            return 0;
        });
    return piece;
}

double spm_score (const spm_t *self, int32_t id)
{
    double score = 0;
    if (id >= 0 && id < self->count)
        guarded ("spm_score", [&] {
            score = static_cast<double> (self->processor.GetScore (id));
            return 0;
        });
    return score;
}

int32_t spm_unknown_id (const spm_t *self)
{
    return self->processor.unk_id ();
}
