#include "services/api/page_token.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "services/base/limits.h"
#include "throughline/errors.h"

namespace throughline::api {
namespace {

using google::protobuf::Message;

constexpr char kVersion = 1;
constexpr size_t kNonceBytes = 12;
constexpr size_t kTagBytes = 16;

using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

const uint8_t* Bytes(absl::string_view text) { return reinterpret_cast<const uint8_t*>(text.data()); }
uint8_t* MutableBytes(std::string& text, size_t offset) { return reinterpret_cast<uint8_t*>(text.data()) + offset; }

// What the token is bound to: the kind of request and every field of it that decides what is listed.
std::string Binding(const Message& request) {
  std::unique_ptr<Message> copy(request.New());
  copy->CopyFrom(request);
  for (const char* field_name : {"page_token", "page_size"}) {
    if (const auto* field = copy->GetDescriptor()->FindFieldByName(field_name)) {
      copy->GetReflection()->ClearField(copy.get(), field);
    }
  }
  std::string binding = absl::StrCat(request.GetDescriptor()->full_name(), "\n");
  {
    google::protobuf::io::StringOutputStream stream(&binding);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    copy->SerializeToCodedStream(&coded);
  }
  return binding;
}

// Eight bytes of snapshot, lowest first, then the rest.
std::string EncodePosition(const PagePosition& position) {
  std::string text;
  for (int i = 0; i < 8; ++i) text.push_back(static_cast<char>(static_cast<uint64_t>(position.snapshot) >> (8 * i)));
  return absl::StrCat(text, position.after);
}

PagePosition DecodePosition(absl::string_view text) {
  uint64_t snapshot = 0;
  for (int i = 0; i < 8; ++i) snapshot |= static_cast<uint64_t>(static_cast<uint8_t>(text[i])) << (8 * i);
  return {.snapshot = static_cast<int64_t>(snapshot), .after = std::string(text.substr(8))};
}

}  // namespace

PageTokenCodec::Key PageTokenCodec::RandomKey() {
  Key key;
  // Fails only where the system has no entropy at all, and then nothing here may go on.
  if (RAND_bytes(key.data(), static_cast<int>(key.size())) != 1) std::abort();
  return key;
}

std::string PageTokenCodec::Encode(const Message& request, const PagePosition& position) const {
  const std::string plain = EncodePosition(position);
  const std::string binding = Binding(request);
  // version, nonce, cipher text, tag
  std::string token(1 + kNonceBytes + plain.size() + kTagBytes, '\0');
  token[0] = kVersion;
  uint8_t* const nonce = MutableBytes(token, 1);
  uint8_t* const cipher_text = nonce + kNonceBytes;
  uint8_t* const tag = cipher_text + plain.size();
  int length = 0;
  CipherContext context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  const bool ok =
      RAND_bytes(nonce, kNonceBytes) == 1 && context != nullptr &&
      EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key_.data(), nonce) == 1 &&
      EVP_EncryptUpdate(context.get(), nullptr, &length, Bytes(binding), static_cast<int>(binding.size())) == 1 &&
      EVP_EncryptUpdate(context.get(), cipher_text, &length, Bytes(plain), static_cast<int>(plain.size())) == 1 &&
      EVP_EncryptFinal_ex(context.get(), cipher_text + length, &length) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, tag) == 1;
  if (!ok) std::abort();  // out of memory or entropy: see RandomKey
  return absl::WebSafeBase64Escape(token);
}

absl::StatusOr<PagePosition> PageTokenCodec::Decode(const Message& request, absl::string_view token) const {
  std::string raw;
  if (token.size() > limits::kPageTokenBytesMax || !absl::WebSafeBase64Unescape(token, &raw) ||
      raw.size() <= 1 + kNonceBytes + sizeof(uint64_t) + kTagBytes || raw[0] != kVersion) {
    return InvalidPageToken();
  }
  const std::string binding = Binding(request);
  const uint8_t* const nonce = MutableBytes(raw, 1);
  const uint8_t* const cipher_text = nonce + kNonceBytes;
  const size_t size = raw.size() - 1 - kNonceBytes - kTagBytes;
  uint8_t* const tag = MutableBytes(raw, raw.size() - kTagBytes);
  std::string plain(size, '\0');
  int length = 0;
  CipherContext context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  const bool ok =
      context != nullptr && EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key_.data(), nonce) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &length, Bytes(binding), static_cast<int>(binding.size())) == 1 &&
      EVP_DecryptUpdate(context.get(), MutableBytes(plain, 0), &length, cipher_text, static_cast<int>(size)) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, tag) == 1 &&
      EVP_DecryptFinal_ex(context.get(), MutableBytes(plain, size), &length) == 1;
  if (!ok) return InvalidPageToken();
  return DecodePosition(plain);
}

}  // namespace throughline::api
