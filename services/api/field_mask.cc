#include "services/api/field_mask.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "google/api/field_behavior.pb.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/util/field_mask_util.h"
#include "google/protobuf/util/message_differencer.h"
#include "services/base/limits.h"
#include "services/base/status_macros.h"
#include "throughline/errors.h"

namespace throughline::api {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FieldMask;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::util::FieldMaskUtil;

using Fields = std::vector<const FieldDescriptor*>;

bool Behaves(const FieldDescriptor& field, google::api::FieldBehavior behavior) {
  const auto& options = field.options();
  for (int i = 0; i < options.ExtensionSize(google::api::field_behavior); ++i) {
    if (options.GetExtension(google::api::field_behavior, i) == behavior) return true;
  }
  return false;
}

bool IsOutputOnly(const FieldDescriptor& field) { return Behaves(field, google::api::OUTPUT_ONLY); }

// Says which resource is meant, not what it shall be.
bool IsIdentity(const FieldDescriptor& field) {
  return field.containing_type()->FindFieldByName("name") == &field ||
         field.containing_type()->FindFieldByName("etag") == &field;
}

bool IsSet(const Message& message, const FieldDescriptor& field) {
  return field.is_repeated() ? message.GetReflection()->FieldSize(message, &field) > 0
                             : message.GetReflection()->HasField(message, &field);
}

// Makes the field of `target` what it is in `source`: set or not, lists and messages whole.
void CopyField(const Message& source, const FieldDescriptor& field, Message& target) {
  FieldMask mask;
  mask.add_paths(field.name());
  FieldMaskUtil::MergeOptions options;
  options.set_replace_message_fields(true);
  options.set_replace_repeated_fields(true);
  FieldMaskUtil::MergeMessageTo(source, mask, options, &target);
}

std::string PathText(const Fields& path) {
  return absl::StrJoin(path, ".", [](std::string* out, const FieldDescriptor* field) { out->append(field->name()); });
}

class UpdateApplier {
 public:
  UpdateApplier(const Message& update, absl::string_view resource_field, Message& target)
      : update_(update), resource_field_(resource_field), target_(target) {}

  void ApplyAllFields(bool only_set) {
    const Descriptor& descriptor = *update_.GetDescriptor();
    for (int i = 0; i < descriptor.field_count(); ++i) {
      const FieldDescriptor& field = *descriptor.field(i);
      if (IsOutputOnly(field) || IsIdentity(field)) continue;
      if (only_set && !IsSet(update_, field)) continue;
      // Leaving out what cannot change is no attempt to change it.
      if (Behaves(field, google::api::IMMUTABLE) && !IsSet(update_, field)) continue;
      ApplyPath({&field});
    }
  }

  absl::Status ApplyMaskPath(absl::string_view text) {
    absl::StatusOr<Fields> path = Resolve(text);
    if (!path.ok()) return InvalidFieldMask(text, path.status().message());
    if (path->size() > 1 || !IsIdentity(*path->front())) ApplyPath(*path);
    return absl::OkStatus();
  }

  // What the masked fields themselves forbid.
  absl::Status Finish() const { return violations_.ToStatus(); }

 private:
  // The fields that a path names; else INVALID_ARGUMENT with the words for the problem.
  absl::StatusOr<Fields> Resolve(absl::string_view text) const {
    Fields path;
    const Descriptor* descriptor = update_.GetDescriptor();
    for (absl::string_view segment : absl::StrSplit(text, '.')) {
      if (descriptor == nullptr) {
        return absl::InvalidArgumentError(path.back()->is_repeated()
                                              ? "reaches into a list, which can only be replaced whole"
                                              : "reaches into a field that has no fields of its own");
      }
      const std::string name(segment);
      const FieldDescriptor* field = descriptor->FindFieldByName(name);
      if (field == nullptr) field = descriptor->FindFieldByCamelcaseName(name);
      if (field == nullptr) {
        return absl::InvalidArgumentError(name == "*"
                                              ? std::string("must stand alone")
                                              : absl::StrCat("is no field of ", update_.GetDescriptor()->name()));
      }
      if (IsOutputOnly(*field)) return absl::InvalidArgumentError("is set by the server");
      path.push_back(field);
      descriptor = field->is_repeated() ? nullptr : field->message_type();
    }
    return path;
  }

  void ApplyPath(const Fields& path) {
    const Message* source = &update_;
    for (size_t i = 0; i + 1 < path.size(); ++i) source = &source->GetReflection()->GetMessage(*source, path[i]);
    const FieldDescriptor& field = *path.back();
    // Clearing a field inside a message that the target does not have must not bring that message into being.
    Message* target = &target_;
    for (size_t i = 0; i + 1 < path.size(); ++i) {
      if (!IsSet(*source, field) && !IsSet(*target, *path[i])) return;
      target = target->GetReflection()->MutableMessage(target, path[i]);
    }
    if (Behaves(field, google::api::IMMUTABLE) && IsSet(*target, field) && !Equal(*source, *target, field)) {
      violations_.Add(FieldPath(resource_field_, PathText(path)), "cannot be changed");
      return;
    }
    CopyField(*source, field, *target);
  }

  static bool Equal(const Message& left, const Message& right, const FieldDescriptor& field) {
    google::protobuf::util::MessageDifferencer differencer;
    return differencer.CompareWithFields(left, right, {&field}, {&field});
  }

  const Message& update_;
  const absl::string_view resource_field_;
  Message& target_;
  FieldViolations violations_;
};

}  // namespace

absl::Status ApplyUpdate(const FieldMask* mask, const Message& update, absl::string_view resource_field,
                         Message& target) {
  UpdateApplier applier(update, resource_field, target);
  if (mask == nullptr || mask->paths_size() == 0) {
    applier.ApplyAllFields(/*only_set=*/true);
  } else if (mask->paths_size() == 1 && mask->paths(0) == "*") {
    applier.ApplyAllFields(/*only_set=*/false);
  } else {
    if (mask->paths_size() > limits::kFieldMaskPathCountMax) {
      return InvalidFieldMask(mask->paths(limits::kFieldMaskPathCountMax),
                              absl::StrCat("is one path too many; at most ", limits::kFieldMaskPathCountMax));
    }
    for (const std::string& path : mask->paths()) RETURN_IF_ERROR(applier.ApplyMaskPath(path));
  }
  return applier.Finish();
}

void ClearServerFields(Message& resource) {
  const Reflection& reflection = *resource.GetReflection();
  const Descriptor& descriptor = *resource.GetDescriptor();
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const FieldDescriptor& field = *descriptor.field(i);
    if (IsOutputOnly(field) || IsIdentity(field)) reflection.ClearField(&resource, &field);
  }
}

}  // namespace throughline::api
